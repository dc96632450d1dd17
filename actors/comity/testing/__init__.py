"""For tests: the contract of journals, and a journal that behaves like a distributed log.

For authors of journals, and for hosts that test a domain on such a log. The contract needs pytest:
install comity[testing].
"""
