"""Playing a scenario: in virtual time on one thread, or in real time on the disk.

For the rooms above it, and through `comity.simulation` for all who write scenarios.
"""
