"""Tells what became of a simulation: as a page to look at, as a table, as a story in sentences.

Reports of simulations are made of it, and so are the pages of the matrix and of the examples.
"""
