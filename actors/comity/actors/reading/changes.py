"""The newest changes of one selection's rows, which all watches of the selection share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.reading.update import Update
    from comity.actors.runtime.pending import Pending
    from comity.readmodels.tables.query import Selection
    from comity.readmodels.tables.row import Row

MOST_WAITING: Final = 512
"""The most changed rows that wait for slow consumers; who has not taken the oldest one resets."""


class Change(NamedTuple):
    """The newest change of a row."""

    number: int
    """Its number among the changes of its selection."""
    key: bytes
    commit: int
    """The number of the commit that changed the row."""
    update: Update[Row]


class Watcher(Protocol):
    """The part of a watch that its changes and the hub use."""

    seen: int
    """The number of the newest change that it has taken. Only `Changes` sets it."""

    @property
    def selection(self) -> Selection[Row]:
        """The rows that it watches."""
        ...

    def rung(self) -> Pending[int] | None:
        """Returns the pending to settle if a consumer waits."""
        ...

    def close(self) -> None:
        """End the watch."""
        ...


class Changes:
    """The watches of one selection, and the changes that some of them have not taken yet.

    A change costs one update, however many watches there are. A slow consumer costs no memory of
    its own, and delays nobody.
    """

    __slots__ = ("_lock", "_lost", "_newest", "_number", "_up_to_date", "_watches")

    def __init__(self) -> None:
        self._lock = Lock()
        self._watches: set[Watcher] = set()
        self._number = 0
        self._lost = 0
        """Changes up to this number are not kept any more."""
        self._newest: dict[bytes, Change] = {}
        """The newest change of each row by its key, in the order of their numbers."""
        self._up_to_date = 0
        """How many watches have taken all changes."""

    def __bool__(self) -> bool:
        return bool(self._watches)

    def __iter__(self) -> Iterator[Watcher]:
        with self._lock:
            return iter([*self._watches])

    def join(self, watch: Watcher) -> None:
        """Keep the changes from now on for this watch."""
        with self._lock:
            self._watches.add(watch)
            watch.seen = self._number
            self._up_to_date += 1

    def leave(self, watch: Watcher) -> bool:
        """Keep nothing for this watch any more; False if it has left before."""
        with self._lock:
            if watch not in self._watches:
                return False
            self._watches.discard(watch)
            self._up_to_date -= watch.seen == self._number
            self._tidy()
            return True

    def add(self, key: bytes, commit: int, update: Update[Row]) -> None:
        """Keep a change of the row with this key, in place of an older change of it."""
        with self._lock:
            self._number += 1
            self._up_to_date = 0
            self._newest.pop(key, None)
            self._newest[key] = Change(self._number, key, commit, update)
            if len(self._newest) > MOST_WAITING:
                self._lost = self._newest.pop(next(iter(self._newest))).number

    def lose(self) -> None:
        """Let every watch start again with all rows, because changes were lost."""
        with self._lock:
            self._lost = self._number = self._number + 1
            self._up_to_date = 0
            self._newest.clear()

    def take(self, watch: Watcher) -> Sequence[Change] | None:
        """The changes that the watch has not taken yet, in order; None if some are lost."""
        if watch.seen == self._number:  # usual; a change that comes now rings afterwards
            return ()
        with self._lock:
            seen, here = watch.seen, self._number
            if seen == here or watch not in self._watches:
                return ()
            watch.seen = here
            self._up_to_date += 1
            taken: list[Change] = []
            for change in reversed(self._newest.values()):
                if change.number <= seen:
                    break
                taken.append(change)
            self._tidy()
            return None if seen < self._lost else taken[::-1]

    def rung(self) -> list[Pending[int]]:
        """The pendings to settle, one for each watch whose consumer waits."""
        with self._lock:
            return [bell for watch in self._watches if (bell := watch.rung())]

    def _tidy(self) -> None:
        if self._up_to_date == len(self._watches):
            self._newest.clear()
