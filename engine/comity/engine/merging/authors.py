"""The authors of two messages that a step of `transform` compares; it may use them for ties."""

from __future__ import annotations

from typing import NamedTuple


class Author(NamedTuple):
    """The author of a message. Authors are ordered by name, then by session.

    One person may write in two sessions at once; the session tells their messages apart.
    """

    who: str
    """The author's name; empty if none was given."""
    session: str
    """Empty for commands outside of any session."""


class Authors(NamedTuple):
    """The author of the message that is moved, and the author of the message it is moved over.

    Example:
        def shift(message: Edit, over: Edit, authors: Authors) -> Edit:
            first = authors.message < authors.over  # whose text comes first at one place
    """

    message: Author
    over: Author
