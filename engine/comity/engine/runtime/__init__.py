"""Access to the machine's time, random numbers, locks and threads.

For every room. No other room reads a clock, makes a lock or draws a random number.
"""
