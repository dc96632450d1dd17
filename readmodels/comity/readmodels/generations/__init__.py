"""The folder of a model: which generation answers, how it is swapped, opened and given up.

For the actors, and processes that only read.
"""
