"""A journal in memory that several domains write, each of them as if it were a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from comity.engine.errors import StorageFailed
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result, Stale
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn


class SharedJournal(MemoryJournal):
    """`alone` keeps the others away. It outlives the domains over it."""

    def __init__(self) -> None:
        super().__init__()
        self.meddle: Callable[[], None] | None = None
        """What another process does just before each append that is not made alone."""
        self.down = False
        """Whether others cannot be kept away."""
        self.stale = 0
        """How many turns were stale."""
        self.often = 0
        """How often others were kept away."""
        self._writing = threading.Lock()
        self._alone = 0  # the thread that keeps others away

    @property
    def is_alone(self) -> bool:
        """Whether this thread keeps the others away."""
        return self._alone == threading.get_ident()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Keep the others from appending."""
        if self.down:
            msg = "the lock cannot be had"
            raise StorageFailed(msg)
        with self._writing:
            self._alone = threading.get_ident()
            self.often += 1
            try:
                yield
            finally:
                self._alone = 0

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Append; what is appended alone can be seen by others a little later."""
        if self.is_alone:
            return self.really_append(turns, snapshots)
        if self.meddle is not None:
            meddling = threading.Thread(target=self.meddle)
            meddling.start()
            meddling.join(60)
        with self._writing:
            return self.really_append(turns, snapshots)

    def really_append(
        self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()
    ) -> list[Result]:
        """Append as another process would."""
        results = super().append(turns, snapshots)
        self.stale += sum(isinstance(result, Stale) for result in results)
        return results

    def close(self) -> None:
        """Stay open."""
