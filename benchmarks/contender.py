"""A contender runs the board's workload: comity, a peer, or a floor. Each is a class in `peers`."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

from benchmarks.board import Boards, Card, Change

Ticket: TypeAlias = Callable[[], object]
"""Call it to wait for the answer."""


class Contender(Protocol):
    """A store of boards. An answer means: the event is flushed to the disk."""

    def set_up(self, changes: Sequence[Change]) -> None:
        """Apply these changes before the measurement, in the fastest way."""
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
        """Wait until the read model, if there is one, includes all answered commands."""
        ...

    def log(self) -> Iterable[Change]:
        """All stored changes; those of each board in order."""
        ...

    def boards(self) -> Boards:
        """The boards' current states."""
        ...

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """The read model's rows by board and card."""
        ...

    def facts(self) -> Mapping[str, float]:
        """Further facts: the number of commits, CPU seconds of other processes."""
        ...

    def close(self) -> None:
        """Close the store."""
        ...


class Blocking:
    """Base of stores without asyncio: event loops use a pool of threads, as web programs do."""

    CLIENTS: Final = 64

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.CLIENTS)

    def call(self, change: Change) -> None:
        """Send a command and wait; subclasses implement it."""
        raise NotImplementedError

    async def ask(self, change: Change) -> None:
        """Send a command on a thread of the pool."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.call, change)

    def send(self, change: Change) -> Ticket:
        """Send and wait, since the store cannot send without waiting."""
        self.call(change)
        return _answered

    def catch_up(self) -> None:
        """Do nothing: its read model is written together with the event."""

    def facts(self) -> Mapping[str, float]:
        """No facts."""
        return {}

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def _answered() -> None:
    return None


class Entry(NamedTuple):
    """An entry of the list below."""

    name: str
    about: str
    module: str
    distribution: str = ""
    """The package that must be installed, if it is not part of this project."""
    durable: str = ""
    """How it makes an event durable before it answers."""


CONTENDERS: Final = {
    one.name: one
    for one in (
        Entry(
            "comity",
            "this project, with all features",
            "comity_board",
            durable="LMDB: fdatasync of the data, then the meta page through O_DSYNC",
        ),
        Entry(
            "SQLite, group commit",
            "hand-written: one writer thread commits all waiting commands; states in memory",
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
            "SQLite; default settings, commands are sent again after a conflict",
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
    "raw write + fdatasync": "the same bytes into a preallocated file",
    "raw decide + evolve": "the rules and the fold in plain Python, nothing stored",
}
"""The floors: the machine without an engine; `floor` measures them."""

PLAIN: Final = "raw decide + evolve"
"""The floor that stores nothing: far above all others."""


def opened(name: str, folder: Path, *, read_model: bool) -> Contender:
    """Open the contender in an empty folder."""
    module = importlib.import_module(f"benchmarks.peers.{CONTENDERS[name].module}")
    return cast("Contender", module.open_board(folder, read_model=read_model))
