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
        """The key in `Flight.sent`: the command's id, or the task if the id is taken there."""
        self.deadline = deadline
        """The time after which the command is not decided any more, on the monotonic clock."""
        self.metadata = metadata
        self.retry = retry
        """Whether the sender gave the id, so that it may have been used before."""
        self.preview = preview
        """Whether the command is only tried: nothing is stored."""

    def same(self, other: Task) -> bool:
        """Whether the other task is the same command sent again, judged by class and digest."""
        if self.preview or type(self.command) is not type(other.command):
            return False
        return not self.retry or digest(self.command) == digest(other.command)
