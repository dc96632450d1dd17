"""A journal whose calls go to three processes in turn, all of which have its path open."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import IO, Any, cast

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.opener import JournalOpener
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn

_CHILD = """
import pickle, sys
from comity.engine.journal.lmdb_journal import LmdbJournal
while True:
    name, args = pickle.load(sys.stdin.buffer)
    try:
        if name == "open":
            journal, answer = LmdbJournal.open(*args), None
        else:
            answer = getattr(journal, name)(*args)
            answer = list(answer) if hasattr(answer, "__next__") else answer
    except Exception as error:
        answer = error
    pickle.dump(answer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


class Remote:
    """A process that opens journals and calls their methods. Iterators come as lists."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def call(self, name: str, *args: object) -> Any:  # noqa: ANN401 - of any method
        """Call a method there; return what it returns, or raise what it raises."""
        with self._lock:
            asked = cast("IO[bytes]", self._process.stdin)
            pickle.dump((name, args), asked)
            asked.flush()
            answer = pickle.load(cast("IO[bytes]", self._process.stdout))  # noqa: S301 - ours
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()


class ThreeProcesses:
    """A `Journal`: this process and two others have it open, and do the calls in turn.

    This process alone follows and wakes, because that needs more than one call.
    """

    def __init__(self, path: Path, remotes: Sequence[Remote]) -> None:
        self._here = LmdbJournal.open(path)
        self._remotes = remotes
        for each in remotes:
            each.call("open", path)
        calls: list[Callable[..., Any]] = [self._call_here, *(each.call for each in remotes)]
        self._turn = cycle(calls)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method
        return getattr(self._here, name)

    def _call_here(self, name: str, *args: object) -> Any:  # noqa: ANN401 - as `Remote.call`
        return getattr(self._here, name)(*args)

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> Sequence[Result]:
        """Append in the next process."""
        return cast("Sequence[Result]", next(self._turn)("append", turns, snapshots))

    def find(self, command_id: str) -> Record | None:
        """Ask the next process."""
        return cast("Record | None", next(self._turn)("find", command_id))

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """Read in the next process, once the first record is wanted."""
        yield from next(self._turn)("read", aggregate, after, upto)

    def version(self, aggregate: AggregateId) -> int:
        """Ask the next process."""
        return cast("int", next(self._turn)("version", aggregate))

    def lasting(self, aggregate: AggregateId) -> int:
        """Ask the next process."""
        return cast("int", next(self._turn)("lasting", aggregate))

    def position(self) -> int:
        """Ask the next process."""
        return cast("int", next(self._turn)("position"))

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """Ask the next process."""
        return cast("Snapshot | None", next(self._turn)("snapshot", aggregate, upto))

    def recover(self) -> None:
        """Recover in the next process."""
        next(self._turn)("recover")

    def close(self) -> None:
        """Close it everywhere."""
        for call in (self._call_here, *(each.call for each in self._remotes)):
            call("close")


@dataclass
class ThreeProcessesOpener:
    """Opens a journal in three processes."""

    path: Path
    remotes: Sequence[Remote]

    def open(self, *, read_only: bool = False) -> Journal:
        """Open it."""
        assert not read_only
        return cast("Journal", ThreeProcesses(self.path, self.remotes))


def opener(path: Path, remotes: Sequence[Remote]) -> JournalOpener:
    """Return an opener of the journal at this path, in these processes and this one."""
    return cast("JournalOpener", ThreeProcessesOpener(path, remotes))
