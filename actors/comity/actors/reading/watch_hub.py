"""Passes changed rows to the watches of one model. Projectors and pollers call it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from comity.actors.reading.changes import Changes, Watcher
from comity.actors.reading.selections import Selections
from comity.actors.reading.update import Update
from comity.actors.runtime.pending import Pending, settle
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.readmodels.tables.row_change import RowChange
    from comity.readmodels.tables.state import Checkpoint


class WatchHub:
    """The watches of one model. A change costs one update for all watches, of all selections."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._lock = Lock()
        self._watched: dict[str, Selections] = {}
        self._size = 0
        self._closed = False

    def __len__(self) -> int:
        return self._size

    def add(self, watch: Watcher) -> Changes:
        """Pass changes to this watch from now on; returns what it is to take them from."""
        question = watch.selection.question
        source = question.source
        with self._lock:
            selections = self._watched.setdefault(source.stored_as, Selections(source))
            changes = selections.of(question.span)
            changes.join(watch)
            self._size += 1
        if self._closed:  # `close` may have missed it
            watch.close()
        return changes

    def remove(self, watch: Watcher) -> None:
        """Pass no more changes to this watch."""
        question = watch.selection.question
        with self._lock:
            selections = self._watched[question.source.stored_as]
            changes = selections.of(question.span)
            self._size -= changes.leave(watch)
            if not changes:
                selections.forget(question.span)

    def tell(self, changes: Iterable[RowChange], checkpoint: Checkpoint) -> None:
        """Pass the changes up to this checkpoint of the model to every watch that they concern."""
        if not self._size:
            return
        with self._lock:
            told: set[Changes] = set()
            for change in _one_for_each_row(changes):
                told |= self._tell(change, checkpoint)
            bells = [bell for each in told for bell in each.rung()]
        self.ring(bells)

    def _tell(self, change: RowChange, checkpoint: Checkpoint) -> set[Changes]:
        """Pass one change on; returns the selections that it concerns."""
        now: set[Changes] = set()
        left: set[Changes] = set()
        for selections in self._watched.values():
            if selections.source.table.name == change.table:
                holding, losing = selections.concerned(change)
                now |= holding
                left |= losing
        position, commit = checkpoint.position, checkpoint.commits
        if now:
            put = Update("put", change.new, position)
            for each in now:
                each.add(change.key, commit, put)
        if left:
            gone = Update("gone", change.old, position)
            for each in left:
                each.add(change.key, commit, gone)
        return now | left

    def reset(self) -> None:
        """Reset every watch, because changes were lost."""
        with self._lock:
            every = self._all()
            for changes in every:
                changes.lose()
            bells = [bell for changes in every for bell in changes.rung()]
        self.ring(bells)

    def close(self) -> None:
        """Close every watch; a watch that is added later is closed at once."""
        self._closed = True
        with self._lock:
            every = [watch for changes in self._all() for watch in changes]
        for watch in every:
            watch.close()

    def _all(self) -> list[Changes]:
        return [changes for selections in self._watched.values() for changes in selections]

    @staticmethod
    def ring(bells: Sequence[Pending[int]]) -> None:
        """Settle the pendings, with one call for each event loop."""
        if bells:
            settle([(bell, 1) for bell in bells])


def _one_for_each_row(changes: Iterable[RowChange]) -> Iterable[RowChange]:
    """One change for each row: from its state before the first change to that after the last."""
    merged: dict[tuple[str, bytes], RowChange] = {}
    for change in changes:
        row = change.table, change.key
        first = merged.get(row)
        merged[row] = change if first is None else change._replace(old=first.old)
    return merged.values()
