"""How a model is kept up to date, rebuilt and swapped, in a domain and outside of one.

For the domain, `ReadModels` and the command line.
"""
