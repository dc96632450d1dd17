"""Reads the events of an outlet from the journal: the next ones, and single ones that waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from comity.actors.delivering.record_pages import RecordPages
from comity.actors.following.follower import Follower
from comity.engine.errors import OutletError, UnreadableEvent

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.delivering.window import Window
    from comity.actors.following.feed import Recent
    from comity.actors.following.routes import Routes
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.message import Event


class Taking(Protocol):
    """Takes the events that were read."""

    @property
    def window(self) -> Window:
        """How far they were read."""
        ...

    def take(self, batch: Batch) -> None:
        """Take a batch. If it raises, nothing more can be read."""
        ...


class EventReader:
    """Reads an outlet's events.

    Args:
        outlet: the outlet.
        journal: the journal.
        routes: the events that it listens to.
        recent: gives the newest events from memory.
    """

    def __init__(
        self,
        outlet: AnyOutlet,
        journal: Journal,
        routes: Routes,
        recent: Recent | None,
    ) -> None:
        self._routes = routes
        self._name = outlet.stored_as
        self._journal = journal
        self._lineage = journal.lineage()
        self._recent = recent
        self._follower: Follower | None = None
        self._pages = RecordPages(journal)

    def branch_at(self, position: int) -> str:
        """The branch of the event at a position, see `Lineage`."""
        return self._lineage.branch_at(position)

    @property
    def error(self) -> str:
        """Why no more events are read; empty if they are."""
        return "" if self._follower is None else self._follower.error

    @property
    def unreadable(self) -> UnreadableEvent | None:
        """The event before which it has stopped, because no class here reads it; None without."""
        reason = None if self._follower is None else self._follower.reason
        return reason if isinstance(reason, UnreadableEvent) else None

    def step(self, taking: Taking, most: int) -> float:
        """Read at most `most` events; returns the seconds to rest, as `Follower.step`.

        It raises what `taking` raises, and keeps errors of the journal in `error`.
        """
        if self._follower is None:
            self._consumer = _Consumer(self._name, taking)
            self._follower = Follower(self._journal, self._routes, self._consumer, self._recent)
        rest = self._follower.step(most)
        if self._consumer.raised is not None:
            raise self._consumer.raised
        return rest

    def try_again(self) -> None:
        """Go on from where an event could not be read."""
        if self._follower is not None:
            self._follower.try_again()

    def event_at(self, position: int) -> Recorded[Event]:
        """The event at a position that waited in the ledger.

        Raises:
            UnreadableEvent: its class is gone, or it does not fit.
            OutletError: the outlet does not listen to it any more.
        """
        record = self._pages.at(position)
        if record is not None:
            before = position - record.position - 1
            alone = record._replace(  # another event of its command may have no class any more
                version=record.version + before,
                position=record.position + before,
                events=record.events[before : before + 1],
            )
            for at in self._routes.events(alone):
                return at
        raise OutletError(f"{self._name} does not listen to the event at {position:,} any more")


class _Consumer:
    """The intake as a consumer of events; its position is how far it has read."""

    def __init__(self, name: str, taking: Taking) -> None:
        self.name = f"outlet {name}"
        self._taking = taking
        self.raised: BaseException | None = None

    @property
    def position(self) -> int:
        return self._taking.window.read

    def make_sure(self) -> None:
        """Do nothing: the position is always known."""

    def take(self, batch: Batch) -> None:
        try:
            self._taking.take(batch)
        except BaseException as error:  # a part of the batch may be taken
            self.raised = error
            raise
