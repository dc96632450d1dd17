"""The folder of a model, its generations, and how they are opened, swapped and removed.

The actors use it, also in processes that only read.
"""
