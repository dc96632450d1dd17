"""What is asked of the machine: the time, randomness, locks.

For every room. Nobody else reads a clock, makes a lock or draws a random number.
"""
