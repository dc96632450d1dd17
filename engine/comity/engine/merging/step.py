"""The step function of `transform`, called with or without the authors of its two messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from comity.engine.merging.authors import Author, Authors
from comity.engine.merging.told import is_told

if TYPE_CHECKING:
    from comity.engine.messages.message import Message


class Written(Protocol):
    """An object with the author of a message: `Sent`, `Happened`, `Dropped`."""

    @property
    def who(self) -> str:
        """The author's name; empty if none was given."""
        ...

    @property
    def session(self) -> str:
        """The author's session; empty for commands outside of any session."""
        ...


class Step:
    """Rewrites a message as it must be if another message happened before it.

    Args:
        function: the domain's `(message, over)` or `(message, over, authors: Authors)`.

    Raises:
        WiringError: the function has other parameters.
    """

    __slots__ = ("_told", "function", "name")

    def __init__(self, function: Callable[..., Message | None]) -> None:
        self.function = function
        self.name = f"transform({getattr(function, '__name__', 'step')})"
        self._told = is_told(function, Authors, "message, over", self.name)

    def __call__(
        self, message: Message, by: Written, over: Message, over_by: Written
    ) -> Message | None:
        """Return `message`, moved over the message `over`; None if nothing is left of it.

        Args:
            message: the message to move.
            by: its author.
            over: the message that happened before it.
            over_by: the author of `over`.
        """
        if not self._told:
            return self.function(message, over)
        authors = Authors(Author(by.who, by.session), Author(over_by.who, over_by.session))
        return self.function(message, over, authors)
