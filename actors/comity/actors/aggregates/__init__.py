"""The write side: the actor of an aggregate, the committer, and how a retry is answered.

For the domain, and for the rooms that follow what it commits.
"""
