"""Who follows the journal: one follower, whoever it feeds, and streams of one aggregate's events.

For the domain, and for `projecting`.
"""
