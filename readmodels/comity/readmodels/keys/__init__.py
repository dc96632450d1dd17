"""Keys as bytes that sort as the keys do in Python.

For `tables`, which makes every question one range of one table.
"""
