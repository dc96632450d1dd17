"""What one thing costs, in this tree and in an older one: only with the public API."""
