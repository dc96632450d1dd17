"""Decides conflicts: commands with their conflict rules, deciders, merging, and merge reports.

The actors and `history` use this room; domains import `comity.engine`.
"""
