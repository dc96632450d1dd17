"""Reads a model in this process: snapshots, waiting for a position, watching.

`projecting` and the domain use it.
"""
