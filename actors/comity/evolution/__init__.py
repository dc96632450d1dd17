"""Years: a domain that changes while its data stays. For deploys, and for CI.

Each room is one question that comes up when a program meets data of another version of itself.
"""
