"""The files of one generation: tables of bytes in LMDB, with a checksum on each value.

Only the rooms above use it; other code never sees bytes.
"""
