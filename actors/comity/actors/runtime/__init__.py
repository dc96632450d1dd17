"""Threads, turns, answers and rests: what actors of any kind run on. It knows no domain.

For the rooms above.
"""
