"""Switches parts of a domain in a test: they are down, fail, are slow, or hang.

For tests of hosts; the `domain` fixture opens domains whose journal can be switched.
"""
