"""Writes a journal as lines of text, and reads them back."""
