"""The world that a simulation plays in: processes, their disk and clocks, and what was promised.

`people` and `playing` use it, and so do tests that search the engine for faults.
"""
