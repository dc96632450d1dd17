"""People of a simulation: what they can do, how they arrive, and the network between.

`playing` moves them on, in virtual or in real time.
"""
