"""What stands on the disk beside LMDB: names, links, marks, locks, checksums. Nobody believes it.

For `lmdb`, `journal` and the read models' storage.
"""
