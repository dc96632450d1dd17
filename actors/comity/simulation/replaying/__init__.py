"""Plays recorded histories again: with the same rules or others, on the same views or older ones.

Hosts use it through `comity.simulation`. Its records are those of every other simulation.
"""
