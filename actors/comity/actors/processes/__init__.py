"""Runs processes: what they have yet to hear, to order and to time is their agenda, a read model.

The domain uses it.
"""
