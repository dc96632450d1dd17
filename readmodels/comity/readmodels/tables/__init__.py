"""The declarations of a model, and the queries on it: rows, indexes and figures.

`projecting` and `generations` use it; domains import `comity.readmodels`.
"""
