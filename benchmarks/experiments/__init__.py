"""Experiments with alternatives: each file answers one question in some seconds."""
