"""What a domain's messages are made of: frozen records, their footprints, and how they are stored.

For all rooms above; domains import `comity.engine`.
"""
