"""Reads a whole journal with today's classes, and tells what they cannot read.

For `comity check`, before a deploy.
"""
