"""The domains of one test: the fixture `domain` is an `OpenDomain`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from comity.actors.domain import Domain
from comity.actors.observing.observer import Observer
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.journal.lmdb_journal import LmdbJournal, UnsafeWarning
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.merging.decider import AggregateType
from comity.testing.opening.tested_domain import TestedDomain
from comity.testing.switching.switched_journal import SwitchedJournal
from comity.testing.switching.switches import JOURNALS

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.runtime.policy import Policy
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.journal.journal import Journal
    from comity.engine.processes.process import ProcessType
    from comity.readmodels.tables.read_model import AnyReadModel

Kind: TypeAlias = Literal["memory", "lmdb"]
"""Where the journals of a test are."""


class OpenDomain:
    """Opens domains for one test: annotate the fixture `domain` with it.

    Example:
        def test_a_card_is_renamed(domain: OpenDomain) -> None:
            team = domain(deciders=[board], read_models=[Cards])
            team.aggregate(board, "b1").do(RenameCard(card="c1", title="Pay"))
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._folder = folder
        self._kind = kind
        self._open: list[tuple[TestedDomain, bool]] = []

    def __call__(
        self,
        *,
        deciders: Iterable[AggregateType],
        read_models: Sequence[type[AnyReadModel]] = (),
        processes: Iterable[ProcessType] = (),
        outlets: Sequence[AnyOutlet] = (),
        journal: Journal | None = None,
        policy: Policy | None = None,
        observers: Iterable[Observer] = (),
        runtime: Runtime = THREADS,
        checked: bool = True,
        keep_commands: bool = False,
        may_fail: bool = False,
    ) -> Domain:
        """Open a domain with a new journal. It is closed when the test ends.

        Args:
            deciders: the aggregate types.
            read_models: the classes of the read models to keep up to date.
            processes: the processes to run.
            outlets: the outlets that deliver its events, as objects.
            journal: the journal to use, instead of a new one; it must be usable once more.
            policy: bounds and time limits.
            observers: the domain tells them what it does while it works.
            runtime: threads, clock and randomness.
            checked: watch decide, evolve, initial, rules and footprints for mistakes.
            keep_commands: record each command as it was sent.
            may_fail: whether a read model, process, outlet or listener may have failed when the
                test ends.

        Raises:
            WiringError: as `Domain`.
        """
        folder = self._folder / f"comity-{len(self._open)}"
        folder.mkdir()
        switched = SwitchedJournal(journal or self._journal(folder), runtime)
        try:
            domain = TestedDomain(
                switched, deciders=deciders, read_models=read_models, models=folder / "models",
                processes=processes, outlets=outlets, ledgers=folder / "outlets", policy=policy,
                observers=observers, runtime=runtime, checked=checked, keep_commands=keep_commands,
            )  # fmt: skip
        except BaseException:
            switched.close()
            raise
        JOURNALS[domain] = switched
        self._open.append((domain, may_fail))
        return domain

    def close(self) -> list[str]:
        """Close all domains; return what failed in the background."""
        found: list[str] = []
        try:
            for domain, may_fail in self._open:
                if not may_fail and domain.is_open:
                    found += domain.failures()
        finally:
            for domain, _ in self._open:
                domain.close()
        return found

    def _journal(self, folder: Path) -> Journal:
        if self._kind == "memory":
            return MemoryJournal()
        with warnings.catch_warnings():
            # A test needs no protection from power cuts, and flushing takes most of its time.
            warnings.simplefilter("ignore", UnsafeWarning)
            return LmdbJournal.open(folder / "journal", unsafe_no_fsync=True)
