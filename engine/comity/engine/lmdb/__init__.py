"""LMDB: its files are looked at, mapped, read and written here, and its errors get a meaning.

For `journal`, and the read models' storage.
"""
