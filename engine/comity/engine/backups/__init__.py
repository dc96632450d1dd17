"""Copies a journal that is in use, again and again, and restores a copy."""
