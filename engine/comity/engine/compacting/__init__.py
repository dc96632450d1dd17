"""Gives back the room that a journal no longer needs, beside its domain."""
