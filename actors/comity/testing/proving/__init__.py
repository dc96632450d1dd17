"""Laws that every domain should keep, checked with people and commands that Hypothesis draws.

For tests of domains: `laws(board)` in a test file. The modules here are internal.
"""
