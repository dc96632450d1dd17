"""What a journal's records say, read back: who, why, with which outcome, and every earlier state.

For the actors and the read models.
"""
