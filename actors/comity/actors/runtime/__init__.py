"""The base of all actors: turns, timers, waiting and answers. It knows nothing of domains.

The rooms above use it; they start no threads and read no clocks themselves.
"""
