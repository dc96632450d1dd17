"""What actors of any kind run on: turns, timers, waiting and answers. It knows no domain.

For the rooms above: nothing there starts a thread or reads a clock.
"""
