"""The ways to live a history: in memory for good, restarted, in two processes, on a disk."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.property.desk import Desk, DeskCommand, DeskEvent, desk

from comity.actors import Aggregate, Domain, Policy
from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.merging.sent import Sender
from comity.testing.log_journal import Chances, LogJournal


@dataclass(frozen=True)
class Way:
    """What may happen to what is kept in memory."""

    policy: Policy = field(default_factory=Policy)
    domains: int = 1
    restarts: float = 0.0
    """How often, between two steps, everything is closed and opened again."""
    on_disk: bool = False
    on_log: bool = False
    """Positions have gaps, and somebody else writes in between."""
    elsewhere: Callable[[Path], Sequence[Domain]] | None = None
    """Opens the domains in other processes, over one journal at this path."""


SMALL = Policy(tail=1, max_live=1, snapshot_every=2, inbox=64)
SHORT = Policy(tail=3, max_live=1, snapshot_every=1000, inbox=64)
WAYS = {
    "in memory": Way(),
    "small": Way(SMALL),
    "restarted": Way(SHORT, restarts=0.4),
    "two processes": Way(domains=2),
    "two small processes": Way(SMALL, domains=2, restarts=0.1),
    "on a log": Way(SMALL, domains=2, restarts=0.1, on_log=True),
    "on a disk": Way(SMALL, restarts=0.2, on_disk=True),
}


LOG = Chances(silence=0.0, others=0.3, late=False)


class Kept(MemoryJournal):
    """Outlives the domains over it."""

    def close(self) -> None:
        """Stay open."""


class Stage:
    """One or two domains over one journal; sessions go on in either, under their ids."""

    def __init__(
        self, way: Way, folder: Path, dice: random.Random, runtime: Runtime = THREADS
    ) -> None:
        self.way, self.dice, self.runtime = way, dice, runtime
        self.place = 0
        self._memory = LogJournal(1, LOG, shared=True) if way.on_log else Kept()
        self._path = folder / "journal"
        self._domains: list[Domain] = []
        self.open()

    def open(self) -> None:
        """Open all of them."""
        if self.way.elsewhere:
            self._domains = list(self.way.elsewhere(self._path))
            return
        journal = self._journal()
        self._domains = [
            Domain(journal, deciders=[desk], policy=self.way.policy, runtime=self.runtime)
            for _ in range(self.way.domains)
        ]

    def close(self) -> None:
        """Close all of them."""
        for domain in self._domains:
            domain.close(timeout=60)

    @property
    def domain(self) -> Domain:
        """The one where things are done now."""
        return self._domains[self.place]

    def handle(self, sender: Sender, key: str) -> Aggregate[Desk, DeskCommand, DeskEvent]:
        """The aggregate as this sender has it there."""
        if not sender.session:
            return self.domain.aggregate(desk, key)
        return self.domain.session(sender.who, id=sender.session).aggregate(desk, key)

    def _journal(self) -> Journal:
        if not self.way.on_disk:
            return self._memory
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says loudly that this is for tests: it is one
            return LmdbJournal.open(self._path, unsafe_no_fsync=True)
