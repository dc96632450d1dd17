"""People's screens: every board, updated by a listener of the domain, so always a bit late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import TypeVar, cast

from examples.board.domain import Board, BoardEvent, board

from comity.engine import Event, Recorded

T = TypeVar("T")


@dataclass
class Shown:
    """A board on the screens."""

    state: Board = field(default_factory=Board)
    version: int = 0


class Screens:
    """A listener in memory. People see its version while newer events are on their way."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.position = 0
        """The position of the last event that is shown."""
        self._shown = {key: Shown() for key in keys}
        self._changed = Condition()

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Show a batch of events. The domain's subscription calls it."""
        with self._changed:
            for one in batch:
                shown = self._shown[one.aggregate.key]
                shown.state = board.evolve(shown.state, cast("BoardEvent", one.event))
                shown.version = one.version
            self.position = batch[-1].position
            self._changed.notify_all()

    def look(self, key: str, choose: Callable[[Board], T]) -> tuple[T, int]:
        """Let a person choose on the board that is shown; returns choice and version."""
        with self._changed:
            shown = self._shown[key]
            return choose(shown.state), shown.version

    def states(self) -> dict[str, Board]:
        """Every board as shown; call it when no more events arrive."""
        return {key: shown.state for key, shown in self._shown.items()}

    def wait(self, position: int, timeout: float = 10.0) -> None:
        """Wait until everything up to a position of the journal is shown."""
        with self._changed:
            self._changed.wait_for(lambda: self.position >= position, timeout)
