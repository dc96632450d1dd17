"""The write side: the actor of an aggregate, the committer, and the answers to retries.

The domain uses it, and so do the rooms that follow the committed events.
"""
