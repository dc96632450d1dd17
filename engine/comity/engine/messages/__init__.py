"""The base classes of a domain's messages: frozen records, their footprints and their storage.

The rooms above use it; domains import `comity.engine`.
"""
