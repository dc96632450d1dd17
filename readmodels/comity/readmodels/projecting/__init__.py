"""Applies events to a model's tables with `project`, each event exactly once.

The actors use it.
"""
