"""An aggregate as it was before each of its records. A rehearsal decides recorded commands on it.

It goes through the aggregate's records in their order. Its state is always the recorded one,
whatever a command would give today.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from comity.engine import AggregateId, At, Event, Happened
from comity.engine.history import history
from comity.engine.merging.merge import Decision, merge, straight
from comity.engine.merging.places import Places
from comity.engine.merging.report import Outcome
from comity.engine.merging.sent import Sender, sent_by
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views

if TYPE_CHECKING:
    from comity.engine import Command, Journal
    from comity.engine.history.note import Note
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider


class RecordedState:
    """One aggregate at the version of its next record.

    Args:
        decider: today's decider of its type.
        journal: is read for older events, if a sender had not seen them.
        id: the aggregate.
        state: its state at the version. It may be changed in place.
        version: the version.
        lasting: how many lasting records at this version came before the next record.
    """

    LEAST: Final = 16
    """So many events are kept for merging, and four times as many as the oldest view lacked."""

    __slots__ = (
        "_decider", "_id", "_journal", "_lasting", "_places", "_reach", "_state", "_tail",
        "_version", "_views",
    )  # fmt: skip

    def __init__(
        self,
        decider: AnyDecider,
        journal: Journal,
        id: AggregateId,
        state: object,
        version: int,
        lasting: int,
    ) -> None:
        self._decider = decider
        self._journal = journal
        self._id = id
        self._version = version
        self._lasting = lasting
        self._state = state
        self._tail: list[Happened[Event]] | None = None  # None: nobody has named a view yet
        self._reach = 0  # how many events the oldest view lacked
        self._places: Places | None = None
        self._views: Views | None = None

    def decide(self, record: Record, note: Note, command: Command) -> Decision[Command, Event]:
        """Decide the command of the next record as it was decided then, under today's rules.

        Raises:
            Refused: a rule refuses the command.
            DeciderFailed: `decide` or a rule has a bug.
            UnreadableEvent: an event that the sender had not seen fits no class.
        """
        decider, state, version = self._decider, self._state, self._version
        sender = Sender(note.who, note.session, note.seen)
        sent = sent_by(sender, record.time, record.command_id, note.metadata)
        if self._tail is None and note.seen is not None:
            self._tail = []  # a sender who names a view may soon lack the next events
        if note.seen is None or note.seen == version:
            events = straight(decider, state, version, command, sender, sent)
            outcome = Outcome.APPLIED if events else Outcome.UNCHANGED
            return Decision(outcome, events, command, None)
        return merge(decider, state, version, command, sent, self._since(note.seen))

    def take(self, record: Record, note: Note, events: Sequence[Event]) -> None:
        """Go on behind the record.

        Args:
            record: the next record of the aggregate.
            note: its note.
            events: its events, loaded.

        Raises:
            Exception: `evolve` raised it; the state may be half changed.
        """
        state, version, decider = self._state, self._version, self._decider
        for event in events:
            version += 1
            if decider.takes_at:
                at = At(version, record.time, note.who, note.session, self._id)
                state = decider.replay(state, event, at)
            else:
                state = decider.replay(state, event)
        self._state = state
        if self._tail is not None:
            self._add(self._tail, record, note, events)
        self._version = version
        self._lasting = 0 if events else self._lasting + record.lasting

    @property
    def kept(self) -> int:
        """How many events are in memory for merging."""
        return len(self._tail) if self._tail is not None else 0

    @property
    def version(self) -> int:
        """The aggregate's version before its next record."""
        return self._version

    def pack(self) -> bytes | None:
        """Return the state as bytes; None: it does not come back from JSON as it is."""
        return self._decider.states.pack(self._state)

    def forget(self, keep: int = 0) -> None:
        """Forget the events in memory except the newest ones; `keep` says how many of them stay."""
        if keep and self._tail is not None:
            del self._tail[:-keep]
        else:
            self._tail = self._views = None
        self._places = None  # making it anew is cheaper than trimming it

    def _add(
        self, tail: list[Happened[Event]], record: Record, note: Note, events: Sequence[Event]
    ) -> None:
        """Add the record to the tail."""
        written = history.noted(self._decider, record)[1] if note.sent is not None else None
        if record.lasting and tail:
            tail[-1].dropped += (history.dropped(note, written),)
        who, session, seen, time = note.who, note.session, note.seen, record.time
        for part, event in enumerate(events):
            version = record.version + part + 1
            tail.append(Happened(version, event, who, session, written, seen, part, time))
        if len(tail) > self.LEAST + 4 * self._reach:
            self.forget(2 * self._reach)

    def _since(self, seen: int) -> Sequence[Happened[Event]]:
        """Return every event after the version `seen` up to now."""
        lacks = self._version - seen
        if not lacks:
            return ()
        self._reach = max(self._reach, lacks)
        if self._tail is None or len(self._tail) < lacks:
            self._tail = self._read(seen)
            self._places = None
        self._places = self._places or Places()
        self._views = self._views or Views()
        past = Past(self._views, self._since)
        return Since(self._tail[-lacks:], self._places, past)

    def _read(self, seen: int) -> list[Happened[Event]]:
        """Read the events from the journal, without lasting records that came later."""
        records = self._journal.read(self._id, seen, self._version)
        every = history.happened(self._decider, records)
        found = [one for one in every if seen < one.version <= self._version]
        found[-1].dropped = found[-1].dropped[: self._lasting]
        for one in found:
            _ = one.event  # loaded now: merging would call one that fits no class a bug
        return found
