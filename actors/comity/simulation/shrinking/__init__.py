"""Makes a failing run as small as it gets: fewer people, fewer steps, fewer choices.

For whoever has a run that fails, and a function that plays it again.
"""
