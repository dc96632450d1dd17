"""Who reads on from the journal: listeners, and streams of one aggregate's events.

For the domain.
"""
