"""Delivers a domain's events in a process of its own. `comity deliver` uses it."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from comity.actors.delivering.opening import ledgers_folder
from comity.actors.delivering.outlet_routes import found_outlet_routes
from comity.actors.delivering.outlets import Outlets, check_outlets
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.arguments import check_path, check_several
from comity.engine.errors import Closed, Forked, WiringError
from comity.engine.journal.opener import Place, opener_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.delivering.deliverer import Deliverer
    from comity.actors.delivering.outlet_status import OutletStatus
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.decider import AggregateType

O = TypeVar("O", bound="AnyOutlet")  # noqa: E741 - as M for models

_open: set[Deliveries] = set()


class Deliveries:
    """Outlets of a domain that is open in another process, or in none.

    It reads the journal, and has the ledgers to itself while it delivers. A domain with the same
    outlets, or another process, waits meanwhile; whoever waits takes over when the other ends.

    Example:
        with Deliveries.open("team.db", [Mails(smtp)]) as deliveries:
            print(deliveries.outlets())
    """

    def __init__(
        self,
        journal: Journal,
        outlets: Sequence[AnyOutlet],
        deciders: Iterable[AggregateType] | None,
        folder: Path | None,
        runtime: Runtime = THREADS,
    ) -> None:
        self._closed = False
        self._process = os.getpid()
        self._journal = journal
        routed = partial(found_outlet_routes, deciders=deciders)
        self._outlets = Outlets(journal, outlets, routed, folder, runtime)
        self._stop_hearing = journal.wake(self._outlets.wake)
        self._outlets.wake()
        _open.add(self)

    @classmethod
    def open(
        cls,
        path: Place,
        outlets: Sequence[AnyOutlet],
        *,
        deciders: Iterable[AggregateType] | None = None,
        ledgers: str | os.PathLike[str] | None = None,
        runtime: Runtime = THREADS,
    ) -> Self:
        """Begin to deliver.

        Args:
            path: the path that the domain is opened with.
            outlets: the outlets, as objects.
            deciders: the domain's deciders of their events; by default those found in the modules
                of the outlets and of the events.
            ledgers: the folder of the ledgers, unless it is the default.
            runtime: threads, clock and randomness.

        Raises:
            WiringError: an item is no outlet, or no decider has some of its events.
            NotAJournal: there is no journal at this path.
        """
        opener = opener_of(path)
        if not check_several(outlets, "outlets", WiringError):
            msg = "outlets: name at least one outlet, such as [Mails(smtp)]"
            raise WiringError(msg)
        check_outlets(outlets)
        told = None if ledgers is None else check_path(ledgers, "ledgers")
        named = None if deciders is None else check_several(deciders, "deciders", WiringError)
        folder = told if opener.path is None else ledgers_folder(opener.path, told)
        journal = opener.open(read_only=True)
        try:
            return cls(journal, outlets, named, folder, runtime)
        except BaseException:
            journal.close()
            raise

    def outlet(self, outlet: O | type[O]) -> Deliverer[O]:
        """The handle of an outlet; see `Domain.outlet`.

        Raises:
            WiringError: it is not delivered here.
        """
        self._check_usable()
        return self._outlets.of(outlet)

    def outlets(self) -> Sequence[OutletStatus]:
        """The status of each outlet."""
        self._check_usable()
        return [one.status() for one in self._outlets.all()]

    def are_settled(self) -> bool:
        """Whether all outlets have done what they can for now; see `Deliverer.is_settled`."""
        self._check_usable()
        return all(one.is_settled() for one in self._outlets.all())

    def close(self, timeout: float = 10.0) -> None:
        """Give deliveries under way a moment, and let others take over. Twice is harmless."""
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        _open.discard(self)
        self._stop_hearing()
        self._outlets.close(timeout)
        self._journal.close()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._outlets.abandon()
        self._journal.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_usable(self) -> None:
        if os.getpid() != self._process:
            msg = "this process is a fork of the one that delivers: open it after forking"
            raise Forked(msg)
        if self._closed:
            msg = "these deliveries are closed; open them again to go on"
            raise Closed(msg)


def _after_fork_in_child() -> None:
    for deliveries in list(_open):
        deliveries.abandon()


def _close_all() -> None:
    for deliveries in list(_open):
        deliveries.close(timeout=5.0)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_close_all)
