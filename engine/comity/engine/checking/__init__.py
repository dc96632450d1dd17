"""Finds mistakes in a domain's functions: checked mode, and footprints that fit no history.

Domains that are opened with `checked=True` use it, tests, and the command line.
"""
