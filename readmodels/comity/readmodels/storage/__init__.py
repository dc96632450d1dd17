"""The files of one generation: tables of bytes in LMDB, with a checksum on each value.

For the rooms above; nobody else sees bytes.
"""
