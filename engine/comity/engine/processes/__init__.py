"""Processes: work that goes on over several aggregates, in pure functions; the decider's sister.

The actors' room `processes` runs them.
"""
