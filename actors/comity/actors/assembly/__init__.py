"""Puts the parts of one domain together, and ends them.

`Domain` and its handles use it.
"""
