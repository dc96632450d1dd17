"""What a model declares and how it is asked: rows, indexes, figures and queries.

For `projecting` and `generations`; domains import `comity.readmodels`.
"""
