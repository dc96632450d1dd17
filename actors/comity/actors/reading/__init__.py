"""How a model is read here: snapshots, waiting for a position, watching.

For `models` and the domain.
"""
