"""LMDB: checks, opens, reads and writes its files, and translates its errors.

For `journal`, and the read models' storage.
"""
