"""Observers, whose hooks a domain calls at each step, and the statistics.

The rooms above call the observers; hosts subclass `Observer`.
"""
