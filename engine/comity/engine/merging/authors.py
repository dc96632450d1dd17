"""The authors of two messages that meet: a step of `transform` may use them to break ties."""

from __future__ import annotations

from typing import NamedTuple


class Author(NamedTuple):
    """The author of a message. Authors have an order, the same everywhere: by name, then session.

    One person may write in two sessions at once; the session then tells them apart.
    """

    who: str
    """The name; empty when nobody said."""
    session: str
    """Empty for commands outside of any session."""


class Authors(NamedTuple):
    """The authors of the message that is moved, and of the one that it is moved over.

    Example:
        def shift(message: Edit, over: Edit, authors: Authors) -> Edit:
            first = authors.message < authors.over  # whose text comes first at one place
    """

    message: Author
    over: Author
