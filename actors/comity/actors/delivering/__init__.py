"""Delivers events to other systems through outlets, and keeps account of what is delivered.

The domain uses it, and programs that deliver beside one.
"""
