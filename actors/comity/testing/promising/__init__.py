"""What a domain promises, kept in files beside its tests.

`comity.testing.public` uses it.
"""
