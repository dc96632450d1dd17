"""Follows the journal: the follower for all consumers, and streams of one aggregate's events.

The domain and `projecting` use it.
"""
