"""All outlets of one domain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from comity.actors.delivering.any_outlet import AnyOutlet
from comity.actors.delivering.deliverer import Deliverer
from comity.actors.delivering.lmdb_tables import LOCK, LmdbTables
from comity.actors.delivering.opening import open_ledger
from comity.actors.delivering.options import check_options
from comity.actors.delivering.outlet_actor import OutletActor
from comity.actors.delivering.outlet_ledger import OutletLedger
from comity.engine.arguments import check_several
from comity.engine.errors import WiringError
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.sharing.lease_watch import LeaseWatch

if TYPE_CHECKING:
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.following.feed import Recent
    from comity.actors.following.routes import Routes
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.message import Event

O = TypeVar("O", bound=AnyOutlet)  # noqa: E741 - as M for models

_log = logging.getLogger("comity")


class Outlets:
    """The outlets of one domain. They run from its creation until `close`.

    Args:
        journal: the journal whose events they deliver.
        outlets: the outlets.
        routed: finds the events that an outlet listens to.
        folder: the folder of their ledgers; None keeps them in memory, with a journal in memory.
        runtime: threads, the clock, randomness.
        recent: gives the newest events from memory.
        has_company: whether other programs have the journal open.

    Raises:
        WiringError: an outlet listens to an event that no decider has, or there is no folder.
        FromTheFuture: an outlet begins at a position that the journal does not have.
    """

    def __init__(
        self,
        journal: Journal,
        outlets: Sequence[AnyOutlet],
        routed: Callable[[AnyOutlet], Routes],
        folder: Path | None,
        runtime: Runtime,
        recent: Recent | None = None,
        has_company: Callable[[], bool] = lambda: False,
    ) -> None:
        self._now = runtime.monotonic
        self.folder = folder
        self._deliverers: list[Deliverer[AnyOutlet]] = []
        check_outlets(outlets)
        if outlets and folder is None and not isinstance(journal, MemoryJournal):
            msg = (
                "outlets need a folder for their ledgers, and this journal has none: pass "
                "ledgers=, the path of a folder"
            )
            raise WiringError(msg)
        routes = [routed(outlet) for outlet in outlets]  # all mistakes before anything begins
        try:
            for outlet, wanted in zip(outlets, routes, strict=True):
                watch = looks = None
                if folder is not None:
                    place = folder / outlet.stored_as
                    watch = LeaseWatch(place / LOCK, runtime.monotonic)
                    looks = OutletLedger(place, journal, runtime)
                opening = partial(open_ledger, outlet, journal, folder, runtime.now, watch)
                actor = OutletActor(
                    cast("Outlet[Event]", outlet), journal, wanted, recent, runtime, opening,
                    watch, looks, has_company,
                )  # fmt: skip
                self._deliverers.append(Deliverer(outlet, actor))
        except BaseException:
            self.close(1.0)
            raise

    def of(self, outlet: O | type[O]) -> Deliverer[O]:
        """The handle of an outlet, by its class or itself.

        Raises:
            WiringError: the domain was opened without it, or with several of this class.
        """
        found = [
            one for one in self._deliverers if one.outlet is outlet or type(one.outlet) is outlet
        ]
        if len(found) != 1:
            known = ", ".join(one.outlet.stored_as for one in self._deliverers) or "none"
            said = "is several of" if found else "is not among"
            raise WiringError(f"{outlet!r:.100} {said} the outlets of this domain ({known})")
        return cast("Deliverer[O]", found[0])

    def all(self) -> Sequence[Deliverer[AnyOutlet]]:
        """Every handle."""
        return self._deliverers

    def tables_in(self, place: Path) -> LmdbTables | None:
        """The tables of the ledger in this folder, if this domain has it open to deliver."""
        if self.folder is None or place.parent != self.folder:
            return None
        for one in self._deliverers:
            dispatcher = one.actor.dispatcher
            if one.outlet.stored_as == place.name and dispatcher is not None:
                tables = dispatcher.ledger.tables
                return tables if isinstance(tables, LmdbTables) else None
        return None

    @property
    def follows(self) -> bool:
        """Whether any of them follows the journal."""
        return any(one.actor.dispatcher is not None for one in self._deliverers)

    def wake(self) -> None:
        """Tell all outlets that the journal has more events."""
        for deliverer in self._deliverers:
            deliverer.actor.news()

    def close(self, timeout: float) -> None:
        """End all deliveries and close the ledgers, in at most about `timeout` seconds."""
        until = self._now() + timeout
        for deliverer in self._deliverers:
            try:
                deliverer.actor.close(max(0.1, until - self._now()))
            except BaseException:
                _log.exception("%s could not be closed", deliverer.actor.actor_urn)

    def kill(self) -> None:
        """End as a killed process does: only what is written stays."""
        for deliverer in self._deliverers:
            deliverer.actor.kill()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        for deliverer in self._deliverers:
            deliverer.actor.abandon()


def check_outlets(outlets: Iterable[object]) -> None:
    """Check that all items are outlets with valid options and different names.

    Raises:
        WiringError: an item is no outlet, has a wrong option, or two have the same name.
    """
    names: set[str] = set()
    for outlet in check_several(outlets, "outlets", WiringError):
        if isinstance(outlet, type) and issubclass(outlet, AnyOutlet):
            msg = f"outlets is a list of outlets, got the class {outlet.__name__}"
            raise WiringError(f"{msg}; pass an instance, such as {outlet.__name__}()")
        if not isinstance(outlet, AnyOutlet) or not hasattr(outlet, "events"):
            msg = (
                "outlets is a list of objects whose classes inherit from Outlet[...], got "
                f"{outlet!r:.100}"
            )
            raise WiringError(msg)
        name = outlet.stored_as
        check_options(outlet, name)
        if name in names:
            msg = f"two outlets are stored as {name!r}; give one another stored_as"
            raise WiringError(msg)
        names.add(name)
