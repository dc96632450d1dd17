"""Switches parts of a domain off in a test: the journal or a read model fails, is slow, is down.

For tests of hosts; the `domain` fixture opens domains whose journal can be switched.
"""
