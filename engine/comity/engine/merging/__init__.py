"""Where a conflict is decided: commands and their rules, deciders, the merge, and its report.

For the actors and `history`; domains import `comity.engine`.
"""
