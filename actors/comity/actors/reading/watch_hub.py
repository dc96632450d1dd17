"""Passes changed rows to the watches of one model. Projectors and pollers call it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from comity.actors.runtime.pending import Pending, settle
from comity.engine.runtime.system import Lock
from comity.readmodels.tables.any_table import AnyIndex
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.readmodels.tables.query import Selection
    from comity.readmodels.tables.question import Question, Source
    from comity.readmodels.tables.workspace import RowChange


class AnyWatch(Protocol):
    """The part of a watch that the hub uses."""

    @property
    def selection(self) -> Selection[Row]:
        """The rows that it watches."""
        ...

    def holds(self, key: bytes, row: Row) -> bool:
        """Whether the row with this key is in the selection."""
        ...

    def touch(self, change: RowChange, *, was_in: bool) -> Pending[int] | None:
        """Note that a row was changed; returns the pending to settle if a consumer waits."""
        ...

    def reset(self) -> Pending[int] | None:
        """Start again with all rows, because changes were lost; returns as `touch` does."""
        ...

    def close(self) -> None:
        """End the watch."""
        ...


class WatchHub:
    """The watches of one model, found by key: 10,000 watches of other keys cost nothing."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._lock = Lock()
        self._watched: dict[str, _Watched] = {}
        self._size = 0
        self._closed = False

    def __len__(self) -> int:
        return self._size

    def add(self, watch: AnyWatch) -> None:
        """Pass changes to this watch from now on."""
        source = watch.selection.question.source
        with self._lock:
            watched = self._watched.setdefault(source.stored_as, _Watched(source))
            self._size += watched.add(watch)
        if self._closed:  # `close` may have missed it
            watch.close()

    def remove(self, watch: AnyWatch) -> None:
        """Pass no more changes to this watch."""
        with self._lock:
            watched = self._watched.get(watch.selection.question.source.stored_as)
            self._size -= watched.remove(watch) if watched else 0

    def tell(self, changes: Iterable[RowChange]) -> None:
        """Pass these changes to every watch that they concern."""
        if not self._size:
            return
        bells: list[Pending[int]] = []
        with self._lock:
            for change in changes:
                for watched in self._watched.values():
                    if watched.source.table.name == change.table:
                        bells += watched.tell(change)
        self.ring(bells)

    def reset(self) -> None:
        """Reset every watch, because changes were lost."""
        with self._lock:
            every = [one for watched in self._watched.values() for one in watched.all()]
        self.ring([bell for one in every if (bell := one.reset())])

    def close(self) -> None:
        """Close every watch; a watch that is added later is closed at once."""
        self._closed = True
        with self._lock:
            every = [one for watched in self._watched.values() for one in watched.all()]
        for one in every:
            one.close()

    @staticmethod
    def ring(bells: Sequence[Pending[int]]) -> None:
        """Settle the pendings, with one call for each event loop."""
        if bells:
            settle([(bell, 1) for bell in bells])


class _Watched:
    """The watches of one table or index: a dict for single keys, and a set for ranges."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._by_key: dict[bytes, set[AnyWatch]] = {}
        self._ranges: set[AnyWatch] = set()

    def add(self, watch: AnyWatch) -> int:
        key = _single_key(watch.selection.question)
        group = self._ranges if key is None else self._by_key.setdefault(key, set())
        group.add(watch)
        return 1

    def remove(self, watch: AnyWatch) -> int:
        key = _single_key(watch.selection.question)
        group = self._ranges if key is None else self._by_key.get(key, set())
        if watch not in group:
            return 0
        group.discard(watch)
        if key is not None and not group:
            del self._by_key[key]
        return 1

    def all(self) -> Iterator[AnyWatch]:
        yield from self._ranges
        for group in self._by_key.values():
            yield from group

    def tell(self, change: RowChange) -> Iterator[Pending[int]]:
        before = self._keys(change.key, change.old)
        after = self._keys(change.key, change.new)
        for key in before | after:
            for watch in self._by_key.get(key, ()):
                if bell := watch.touch(change, was_in=key in before):
                    yield bell
        for watch in self._ranges:
            was_in = change.old is not None and watch.holds(change.key, change.old)
            is_in = change.new is not None and watch.holds(change.key, change.new)
            if (was_in or is_in) and (bell := watch.touch(change, was_in=was_in)):
                yield bell

    def _keys(self, key: bytes, row: Row | None) -> set[bytes]:
        if row is None:
            return set()
        return self.source.entries(row) if isinstance(self.source, AnyIndex) else {key}


def _single_key(question: Question) -> bytes | None:
    low, high = question.span
    return low if high == low + b"\0" else None
