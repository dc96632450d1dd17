"""How a model is read here: snapshots, waiting for a position, watching.

For `projecting` and the domain.
"""
