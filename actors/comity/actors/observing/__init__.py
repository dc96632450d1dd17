"""What a domain tells about itself while it works: observers, and the statistics, which are one.

For the rooms above; hosts subclass `Observer`.
"""
