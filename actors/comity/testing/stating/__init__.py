"""Given some events, when a command comes, then this follows: tests of deciders and read models.

For tests of domains; the laws use its descriptions of events.
"""
