"""Takes a journal out as lines of JSON, and brings lines in.

For `comity export` and `comity import`, and for scripts that bring events from elsewhere.
"""
