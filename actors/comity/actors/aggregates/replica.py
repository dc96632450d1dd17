"""An aggregate's state in memory, with the tail of its events. The actor decides on it.

The replica is ahead of the journal: it includes each decision at once. If a decision is not stored,
the replica is wrong, and is loaded from the journal again.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from comity.actors.aggregates.event_tail import EventTail
from comity.engine.errors import CheckFailed, DeciderFailed, FromTheFuture, JournalDamaged
from comity.engine.history import history
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record
from comity.engine.journal.snapshot import Snapshot
from comity.engine.merging.at import At
from comity.engine.merging.happened import Dropped
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views
from comity.engine.text import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.sent import Sender
    from comity.engine.messages.message import Event

_log = logging.getLogger("comity")

BYTES_PER_EVENT: Final = 4
"""A live aggregate waits one more event before its next snapshot for each 4 bytes of the last one.

Packing takes 0.1 µs for each byte, which includes unpacking to compare the states; a command takes
at least 15 µs. So snapshots cost under 3 % of the work, whatever the state's size.
"""


MOST_AHEAD: Final = 1_000
"""A replica that lacks more events is loaded again: a newer snapshot may save reading them."""


class Behind(Exception):
    """Another process has appended events that this replica does not have."""


class Replica:
    """The newest state of one aggregate, durable or not.

    Args:
        decider: the decider of the aggregate's type.
        journal: the state is loaded from it.
        id: the aggregate.
        keep: the least number of newest events to keep for merging.
        keep_commands: whether each command is recorded as it was sent.
    """

    __slots__ = (
        "_keep", "_last_from", "_last_session", "_snapshot_version", "_tail", "_views", "decider",
        "durable", "id", "journal", "keep_commands", "pause", "state", "version",
    )  # fmt: skip

    def __init__(
        self,
        decider: AnyDecider,
        journal: Journal,
        id: AggregateId,
        keep: int,
        *,
        keep_commands: bool,
    ) -> None:
        self.decider = decider
        self.journal = journal
        self.id = id
        self.keep_commands = keep_commands
        self._keep = keep
        self._tail = EventTail(decider, id)  # the newest events, ending at version
        self._views: Views | None = None  # for merging, computed since the last load
        self._last_session, self._last_from = "", 0  # made all events after this version
        self._snapshot_version = 0  # of the last snapshot, stored or not
        self.pause = 0
        """How many events the next snapshot waits beyond `Policy.snapshot_every`."""
        self.state: object = None
        self.version = 0
        self.durable = 0
        """The version that the journal is known to hold."""

    def __str__(self) -> str:
        return self.id.at(self.version)

    def load(self) -> None:
        """Load the state from the journal: a snapshot, if one fits, and the events after it.

        Raises:
            DeciderFailed: `evolve` or `initial` raised.
            JournalError: the journal, or an event in it, cannot be read.
        """
        decider, journal = self.decider, self.journal
        state, version = decider.initial(), 0
        records: Iterator[Record] = iter(())
        if journal.version(self.id):  # else the aggregate is new: nothing to read
            state, version = history.base(decider, journal, self.id)
            records = journal.read(self.id, version)
        self._snapshot_version, self.pause = version, 0
        recent: deque[Record] = deque(maxlen=self._keep)
        for record in records:
            for event, at in history.events_of(decider, record, version):
                try:
                    state = decider.replay(state, event, at)
                except BaseException as error:
                    raise self._failed(event, error) from None
                version += 1
            recent.append(record)
        tail = EventTail(decider, self.id)
        for record in recent:
            if record.events:
                tail.add_record(record)
            elif len(tail):
                tail.add_dropped(history.dropped(*history.noted(decider, record)))
        tail.drop(max(0, len(tail) - self._keep))
        if self.version:  # loaded again: the last snapshot may have been impossible to write
            self.pause = version - self._snapshot_version
        self.state, self.version, self.durable = state, version, version
        self._last_session, self._last_from = "", version
        self._tail, self._views = tail, None

    def catch_up(self) -> None:
        """Apply what other processes have appended. The state must be one that the journal had.

        Afterwards everything is as after `load`, also what the next merges see.

        Raises:
            DeciderFailed: `evolve` raised; the state may be half changed.
            JournalError: the journal, or an event in it, cannot be read.
        """
        decider, tail = self.decider, self._tail
        if self.journal.version(self.id) - self.version > MOST_AHEAD:
            self.load()
            return
        for record in self.journal.since(self.id, self.version, tail.dropped()):
            if record.events:
                for event, at in history.events_of(decider, record, self.version):
                    try:
                        self.state = decider.replay(self.state, event, at)
                    except BaseException as error:
                        raise self._failed(event, error) from None
                tail.add_record(record)
                self.version = record.last_version
                self._last_session, self._last_from = "", self.version
            elif len(tail):
                tail.add_dropped(history.dropped(*history.noted(decider, record)))
        self.durable = self.version

    @property
    def fresh(self) -> int:
        """How many events came after the last snapshot."""
        return self.version - self._snapshot_version

    def apply(
        self,
        events: Sequence[Event],
        entry: bytes,
        sender: Sender,
        time: int,
        written: Command | None = None,
    ) -> None:
        """Apply a command's events to the state, and add them to the tail.

        Args:
            events: the events.
            entry: the packed entry that holds them.
            sender: the sender of their command.
            time: when they were decided, in microseconds since 1970.
            written: the command as its sender wrote it, if a rule changed it.

        Raises:
            DeciderFailed: `evolve` raised; the state may be half changed.
        """
        state, version, evolve = self.state, self.version, self.decider.evolve
        told = self.decider.takes_at
        for event in events:
            version += 1
            try:
                if told:
                    at = At(version, time, sender.who, sender.session, self.id)
                    state = evolve(state, event, at)
                else:
                    state = evolve(state, event)
            except BaseException as error:
                raise self._failed(event, error) from None
        if events and sender.session != self._last_session:
            self._last_session, self._last_from = sender.session, self.version
        self.state = state
        self._tail.add(self.version + 1, events, entry, sender, time, written)
        self.version = version

    def drop(self, sender: Sender, written: Command) -> None:
        """Add a command to the tail that clashed and gave no events."""
        assert sender.seen is not None  # else nothing is unseen
        if not len(self._tail):
            before = self.journal.read(self.id, self.version - 1, self.version)
            self._tail.begin(history.happened(self.decider, before)[-1])
        self._tail.add_dropped(Dropped(sender.who, sender.session, sender.seen, written))

    def is_seen_by(self, sender: Sender) -> bool:
        """Whether nothing is to be merged: the sender names no version, or has seen all events but
        those of its own session.
        """
        _, session, seen = sender
        if seen is None or seen == self.version:
            return True
        mine = bool(session) and session == self._last_session
        return mine and self._last_from <= seen < self.version

    def since(self, seen: int | None) -> Sequence[Happened[Event]]:
        """Return every event after the version `seen`, from the tail and, if older, the journal.

        Raises:
            FromTheFuture: there is no such version.
            Behind: the journal has that version, and this replica does not.
        """
        if seen is None or seen == self.version:
            return ()
        if seen > self.version:
            if self.journal.version(self.id) >= seen:
                raise Behind
            msg = (
                f"seen={seen}, but {self.id} is at version {self.version}; nobody saw that: call "
                "look(), or pass the version that the screen shows to saw() or as seen="
            )
            raise FromTheFuture(msg)
        first = self.version - len(self._tail) + 1  # the version of the tail's first event
        self._views = self._views or Views()
        past = Past(self._views, self.since)
        if seen + 1 >= first:
            since = self._tail.last(self.version - seen, self.version)
            since.past = past
            return since
        newest = self._tail.last(len(self._tail), self.version)
        return Since(self._older(seen, first) + newest, None, past)

    @property
    def dropped(self) -> int | None:
        """How many lasting records follow the newest event; None: no event is in memory.

        Each turn depends on it, also one that merges nothing: after a turn the events in memory go
        on behind these records, and a later command would miss those of another process.
        """
        return self._tail.dropped()

    def check_newest(self) -> None:
        """Check that no other process has appended; see `is_newest`.

        Raises:
            Behind: another process has appended.
        """
        if not self.is_newest():
            raise Behind

    def is_newest(self) -> bool:
        """Whether no other process has appended. Only while nothing to be stored is in the air."""
        if self.journal.version(self.id) != self.version:
            return False
        dropped = self._tail.dropped()
        return dropped is None or dropped == self.journal.lasting(self.id)

    def snapshot(self) -> Snapshot | None:
        """Make a snapshot of the state; None: the state cannot be packed."""
        states = self.decider.states
        data = states.pack(self.state)
        self._snapshot_version = self.version
        # If packing failed, it is tried again once there are twice as many events.
        self.pause = self.version if data is None else len(data) // BYTES_PER_EVENT
        return None if data is None else Snapshot(self.id, self.version, states.schema, data)

    def _older(self, seen: int, first: int) -> list[Happened[Event]]:
        records = self.journal.read(self.id, seen, first - 1)
        older = [
            one for one in history.happened(self.decider, records) if seen < one.version < first
        ]
        if len(older) != first - 1 - seen:
            wanted = f"versions {seen + 1} to {first - 1}"
            msg = f"{self.id}: expected {wanted} in the journal, got {len(older)} events"
            raise JournalDamaged(msg)
        return older

    def trim(self) -> None:
        """Shorten the tail if it has grown long; call it after each turn.

        Events that are not durable stay: the journal does not have them. The event before them
        stays too: a command without events after it may not be durable.
        """
        excess = len(self._tail) - self._keep
        if excess >= self._keep:
            undurable = self.version - self.durable
            self._tail.drop(min(excess, max(0, len(self._tail) - undurable - 1)))

    def _failed(self, event: Event, error: BaseException) -> DeciderFailed:
        """Make the error of an `evolve` that has raised."""
        if isinstance(error, CheckFailed):
            return error
        kind = type(event).__name__
        _log.error("%s: evolve failed on %s", self, kind, exc_info=error)
        return DeciderFailed(f"evolve raised {type(error).__name__} on {kind}: {told(error, 200)}")
