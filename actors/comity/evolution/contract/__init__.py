"""The contract: what a domain promises to its stored data and to older programs, as a file.

For `comity contract`, and for tests of a domain.
"""
