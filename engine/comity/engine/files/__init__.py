"""The files beside LMDB's: names, links, marks, locks, checksums. All are checked when read.

`lmdb`, `journal` and the read models' storage use it.
"""
