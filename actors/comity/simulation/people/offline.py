"""A person's time offline: the commands of that time are drafts, sent together afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self

from comity.engine.errors import Invalid
from comity.simulation.people.answer import Answer
from comity.simulation.people.draft import Draft

if TYPE_CHECKING:
    from types import TracebackType


class Sender(Protocol):
    """The person whose time it is."""

    away: Offline | None

    async def send(self, drafts: Sequence[Draft]) -> list[Answer]:
        """Send drafts together, and return their answers."""
        ...


class Offline:
    """The time of one person without a network, as an `async with` block."""

    def __init__(self, person: Sender) -> None:
        self._person = person
        self.drafts: list[Draft] = []
        """The commands of this time, in their order."""
        self.answers: list[Answer] = []
        """The answers to the drafts, in their order, once the block has ended."""

    async def __aenter__(self) -> Self:
        if self._person.away is not None:
            msg = "this person is offline already: end the first `async with` block before"
            raise Invalid(msg)
        self._person.away = self
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._person.away = None
        if error is None:
            self.answers = await self._person.send(self.drafts)
