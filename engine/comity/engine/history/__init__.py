"""Reads the past from a journal's records: events, senders, outcomes, reports, earlier states.

The actors and the read models use it.
"""
