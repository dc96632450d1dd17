"""Opens domains for tests, closes them, and fails the test if a background part failed.

For the plugin of pytest, which makes the fixture `domain` of it.
"""
