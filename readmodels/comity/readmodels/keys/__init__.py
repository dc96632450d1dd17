"""Encodes keys as bytes that sort like the keys.

`tables` uses it: every query is one range of one LMDB table.
"""
