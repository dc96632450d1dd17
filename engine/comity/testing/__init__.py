"""For tests: the contract of journals, and a journal that behaves as a distributed log does.

For authors of adapters, and for hosts that test their domain on one. Needs pytest: comity[testing].
"""
