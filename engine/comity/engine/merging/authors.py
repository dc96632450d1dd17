"""Who wrote two messages that meet: what a step of `transform` is told for its tie-breaks."""

from __future__ import annotations

from typing import NamedTuple


class Author(NamedTuple):
    """Who wrote a message. Authors have an order, which is the same everywhere: by name, session.

    One person may write in two sessions at once; the session tells them apart then.
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
