"""Benchmarks: comity, its peers and the machine's own limits, measured in the same run."""
