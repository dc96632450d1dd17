"""Simulations: people act on a domain at the same time, in virtual time or in real time.

For hosts that want to know what happens when two people do something at once. It stands on
`comity.actors` and runs the real engine.
"""
