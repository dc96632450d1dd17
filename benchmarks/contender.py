"""What runs the board's workload: comity, a peer, or a floor. Each is one class in `peers`."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

from benchmarks.board import Boards, Card, Change

Ticket: TypeAlias = Callable[[], object]
"""Call it to wait for an answer that is on its way."""


class Contender(Protocol):
    """A store of boards. An answer means: the event is flushed to the disk."""

    def set_up(self, changes: Sequence[Change]) -> None:
        """Let these happen before anything is measured, by whatever way is quickest."""
        ...

    def call(self, change: Change) -> None:
        """Send a command from a thread, and wait for its answer."""
        ...

    async def ask(self, change: Change) -> None:
        """Send a command from an event loop, and wait for its answer."""
        ...

    def send(self, change: Change) -> Ticket:
        """Send a command, and do not wait."""
        ...

    def catch_up(self) -> None:
        """Wait until the read model, if there is one, has everything that was answered."""
        ...

    def log(self) -> Iterable[Change]:
        """Everything that has happened, as it is stored; each board's in order."""
        ...

    def boards(self) -> Boards:
        """The boards as the next command would find them."""
        ...

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """The read model's rows by board and card."""
        ...

    def facts(self) -> Mapping[str, float]:
        """What else there is to tell: commits so far, CPU seconds of other processes."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Blocking:
    """For stores that know threads alone: event loops use a pool of them, as web programs do."""

    CLIENTS: Final = 64

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.CLIENTS)

    def call(self, change: Change) -> None:
        """Subclasses say how."""
        raise NotImplementedError

    async def ask(self, change: Change) -> None:
        """On a thread of the pool."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.call, change)

    def send(self, change: Change) -> Ticket:
        """There is no sending without waiting: one client gets one answer after another."""
        self.call(change)
        return _answered

    def catch_up(self) -> None:
        """Its read model is written together with the event."""

    def facts(self) -> Mapping[str, float]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def _answered() -> None:
    return None


class Entry(NamedTuple):
    """One line of the list below."""

    name: str
    about: str
    module: str
    distribution: str = ""
    """What must be installed, where that is not part of this project."""
    durable: str = ""
    """Why an answer means that the event is on the disk."""


CONTENDERS: Final = {
    one.name: one
    for one in (
        Entry(
            "comity",
            "this project, everything on",
            "comity_board",
            durable="LMDB: fdatasync of the data, then the meta page through O_DSYNC",
        ),
        Entry(
            "SQLite, group commit",
            "hand-written: one writer thread commits whatever waits; states in memory",
            "group_commit",
            durable="WAL, synchronous=FULL: fdatasync of the WAL at each commit",
        ),
        Entry(
            "SQLite, lock per board",
            "hand-written: one transaction for each command; states in memory",
            "locked_sqlite",
            durable="WAL, synchronous=FULL: fdatasync of the WAL at each commit",
        ),
        Entry(
            "eventsourcing, tuned",
            "SQLite; aggregates cached, one lock for each",
            "eventsourcing_tuned",
            "eventsourcing",
            "WAL, synchronous=FULL (SQLite's default): fdatasync of the WAL at each commit",
        ),
        Entry(
            "eventsourcing, as installed",
            "SQLite; nothing set, commands are sent again after a conflict",
            "eventsourcing_as_installed",
            "eventsourcing",
            "WAL, synchronous=FULL (SQLite's default): fdatasync of the WAL at each commit",
        ),
        Entry(
            "UmaDB",
            "server in a process of its own; states in memory, checked by append condition",
            "umadb_board",
            "umadb",
            "its server flushes each batch of appends before it answers",
        ),
        Entry(
            "eventsource-py",
            "SQLite, its own repository; commands are sent again after a conflict",
            "eventsource_board",
            "eventsource-py",
            "WAL, synchronous=FULL (SQLite's default)",
        ),
    )
}

FLOORS: Final = {
    "raw LMDB": "a transaction with one value for each of comity's commits",
    "raw LMDB, record each": "the same, each command's bytes under a key of its own",
    "raw write + fdatasync": "the same bytes into a file that is there already",
    "raw decide + evolve": "the rules and the fold in plain Python, nothing stored",
}
"""What the machine does by itself; `floor` measures it."""

PLAIN: Final = "raw decide + evolve"
"""The floor that stores nothing: far above all others."""


def opened(name: str, folder: Path, *, read_model: bool) -> Contender:
    """The contender, on an empty folder."""
    module = importlib.import_module(f"benchmarks.peers.{CONTENDERS[name].module}")
    return cast("Contender", module.open_board(folder, read_model=read_model))
