"""Decides recorded commands again under today's rules, and tells what would come out differently.

For `comity rehearse`, and for scripts that try a rule on the past.
"""
