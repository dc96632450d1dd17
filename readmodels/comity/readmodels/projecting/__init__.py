"""Where a row is written: events are fed to `project`, and each has its effect once.

For the actors.
"""
