"""What became of a simulation: each attempt of a person, and the whole run.

`playing` fills these records; `telling` and `comparing` read them.
"""
