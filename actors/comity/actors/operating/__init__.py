"""What an operator asks of an open domain: whether it is healthy, and its figures as text."""
