"""Plays the same people under several sets of rules, and tells what each set cost.

For `comity simulate --compare`, and for scripts that compare rules of their own.
"""
