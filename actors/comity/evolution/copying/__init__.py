"""Writes a journal anew through a function, while the domain goes on.

For `comity migrate`, and for scripts that rename, split, move or leave out.
"""
