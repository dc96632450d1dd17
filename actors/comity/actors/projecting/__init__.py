"""Keeps read models up to date, rebuilds and swaps them, in a domain and outside of one.

The domain, `ReadModels` and the command line use it.
"""
