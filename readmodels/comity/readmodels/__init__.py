"""The shape of a query: what the read side is given, from the journal, in order. No threads."""

from comity.readmodels.listener import Listener

__all__ = ["Listener"]
