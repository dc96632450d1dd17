"""What a domain runs on, put together, and how it ends.

For `Domain` and the handles that it gives.
"""
