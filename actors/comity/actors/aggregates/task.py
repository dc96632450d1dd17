"""A command on its way through an aggregate.

Inside this package messages are plain `Command` and `Event`; the handles give users their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from comity.engine.history.note import digest
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Pending
    from comity.engine.merging.sent import Sender

Answer: TypeAlias = Receipt[Event] | Preview[Event]

NOTHING: Final[Mapping[str, str]] = {}
"""No metadata."""


class Task:
    """A command in an aggregate's inbox."""

    __slots__ = (
        "command", "deadline", "key", "metadata", "pending", "preview", "retry", "sender",
    )  # fmt: skip

    def __init__(
        self,
        command: Command,
        sender: Sender,
        pending: Pending[Answer],
        deadline: float,
        metadata: Mapping[str, str],
        retry: bool = False,  # noqa: FBT001, FBT002 - one is made for each command: no keywords
        preview: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        self.command = command
        self.sender = sender
        self.pending = pending
        self.key: object = pending.id
        """What its actor knows it by: its id, unless another command has that id meanwhile."""
        self.deadline = deadline
        """On the monotonic clock: after it the command is not decided any more."""
        self.metadata = metadata
        self.retry = retry
        """The id was given by the sender, so it may have been used before."""
        self.preview = preview
        """Only try it: nothing is stored."""

    def same(self, other: Task) -> bool:
        """Whether the other is the same command sent again, as far as that can be told."""
        if self.preview or type(self.command) is not type(other.command):
            return False
        return not self.retry or digest(self.command) == digest(other.command)
