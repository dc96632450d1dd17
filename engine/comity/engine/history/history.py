"""Reading an aggregate's past from a journal: its events, its state, why something was refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar, cast

from comity.engine.arguments import check_whole
from comity.engine.errors import FromTheFuture, Invalid, UnreadableEvent
from comity.engine.formats import filled
from comity.engine.history.note import Note, origin
from comity.engine.history.recorded import Recorded
from comity.engine.merging.at import At
from comity.engine.merging.command import Command
from comity.engine.merging.decisive import decisive
from comity.engine.merging.happened import Dropped, Happened, Later
from comity.engine.merging.report import MergeReport
from comity.engine.merging.sent import Sender, Sent, sent_by
from comity.engine.messages.message import Event, names_of

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import Decider
    from comity.engine.messages.event_types import Loader

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


def load(loader: Loader[E], record: Record, offset: int) -> E:
    """Load the event at an offset, from 1, of a record.

    Raises:
        UnreadableEvent: the event cannot be loaded; the text names its version and position.
    """
    try:
        return loader.load(record.events[offset - 1])
    except UnreadableEvent as error:
        raise _placed(error, record, offset) from None


def _placed(error: UnreadableEvent, record: Record, offset: int) -> UnreadableEvent:
    """The error with the event's version and position."""
    place = f"version {record.version + offset} of {record.aggregate}"
    return UnreadableEvent(f"{error} ({place}, position {record.position + offset})")


def recorded(
    loader: Loader[E], record: Record, without: frozenset[str] = frozenset()
) -> Iterator[Recorded[E]]:
    """Yield the events of a record with their positions, except events named in `without`.

    Args:
        loader: turns the stored events into events.
        record: the record to read.
        without: stored names of events to leave out.

    Raises:
        UnreadableEvent: an event cannot be loaded.
    """
    if without and without.issuperset([stored.name for stored in record.events]):
        return
    kind = cast("type[Recorded[E]]", Recorded)
    aggregate, version, position, command_id, events, time, note, _ = record
    who, session, command, metadata, report, revision = origin(note)
    for stored in events:
        version += 1
        position += 1
        if without and stored.name in without:
            continue
        try:
            event = loader.load(stored)
        except UnreadableEvent as error:
            raise _placed(error, record, version - record.version) from None
        fields = (
            event, aggregate, version, position, time,
            who, session, command, command_id, metadata, report, revision,
        )  # fmt: skip
        yield filled(kind, fields)


def happened(decider: Decider[S, C, E], records: Iterable[Record]) -> list[Happened[E]]:
    """Turn consecutive records of one aggregate into the events that merging compares."""
    found: list[Happened[E]] = []
    for record in records:
        note, written = noted(decider, record)
        for part, stored in enumerate(record.events):
            version, event = record.version + part + 1, Later(stored, decider)
            found.append(
                Happened(
                    version, event, note.who, note.session, written, note.seen, part, record.time
                )
            )
        if not record.events and found:
            found[-1].dropped += (dropped(note, written),)
    return found


def dropped(note: Note, written: Command | None) -> Dropped:
    """Make the `Dropped` of a lasting record; its session's next commands may depend on it."""
    return Dropped(note.who, note.session, note.seen or 0, written)


def noted(decider: Decider[S, C, E], record: Record) -> tuple[Note, C | None]:
    """Return a record's note, and the command as its sender wrote it.

    The command is None if no rule changed or dropped it, or if it can no longer be read.
    """
    note = Note.unpack(record.note)
    if note.sent is None:
        return note, None
    try:
        return note, _command(decider, note, note.sent)
    except Invalid:  # the command's class has changed since; use its events instead
        return note, None


def kept(decider: Decider[S, C, E], record: Record) -> C | None:
    """Return the command of a record as it was sent, upcast to today's class.

    Returns None if the journal does not have it: it keeps every command only with
    `Domain.open(..., keep_commands=True)`.

    Raises:
        Invalid: the command can no longer be read; the text says why.
    """
    return as_sent(decider, Note.unpack(record.note))


def as_sent(decider: Decider[S, C, E], note: Note) -> C | None:
    """Return what `kept` returns, from a record's note; raises `Invalid`."""
    data = note.kept if note.sent is None else note.sent
    return None if data is None else _command(decider, note, data)


def sent(note: Note, record: Record) -> Sent:
    """Return how the record's command was sent."""
    sender = Sender(note.who, note.session, note.seen)
    return sent_by(sender, record.time, record.command_id, note.metadata)


def base(
    decider: Decider[S, C, E], journal: Journal, aggregate: AggregateId, upto: int | None = None
) -> tuple[S, int]:
    """Return the state to start a replay from, and its version.

    This is the newest usable snapshot, at most at version `upto`, or else the initial state.
    """
    snapshot = journal.snapshot(aggregate, upto)
    if snapshot is not None and snapshot.schema == decider.states.schema:
        state = decider.states.unpack(snapshot.data)
        if state is not None:
            return state, snapshot.version
    return decider.initial(), 0


def events_of(
    decider: Decider[S, C, E], record: Record, after: int, upto: int | None = None
) -> Iterator[tuple[E, At]]:
    """Yield the record's events after version `after`, up to `upto`, each with its `At`.

    Raises:
        UnreadableEvent: an event cannot be loaded.
    """
    who = session = ""
    if decider.takes_at:
        note = Note.unpack(record.note)
        who, session = note.who, note.session
    last = len(record.events) if upto is None else min(len(record.events), upto - record.version)
    for offset in range(max(0, after - record.version) + 1, last + 1):
        event = load(decider, record, offset)
        yield event, At(record.version + offset, record.time, who, session, record.aggregate)


def state_at(
    decider: Decider[S, C, E], journal: Journal, aggregate: AggregateId, at: int | None = None
) -> tuple[S, int]:
    """Return the aggregate's state at a version (default: the newest), and that version.

    Raises:
        FromTheFuture: the aggregate has not reached that version.
        Invalid: `at` is not a version.
    """
    if at is not None:
        check_whole(at, "at")
    state, version = base(decider, journal, aggregate, at)
    if at is None or at > version:
        for record in journal.read(aggregate, version, at):
            for event, where in events_of(decider, record, version, at):
                state = decider.replay(state, event, where)
                version += 1
    if at is not None and version < at:
        msg = f"{aggregate} is at version {version}; it has no version {at} yet"
        raise FromTheFuture(msg)
    return state, version


def explain(
    decider: Decider[S, C, E],
    journal: Journal,
    aggregate: AggregateId,
    command: C,
    sent: Sent,
    report: MergeReport,
) -> MergeReport:
    """Return a rejected command's report with the unseen event that made the difference.

    Replays the events between the version that the sender saw and the version decided on. Returns
    the report unchanged if no event made a difference, or an event of the sender's own session.
    """
    if report.seen is None:
        return report
    state, _ = state_at(decider, journal, aggregate, report.seen)
    records = journal.read(aggregate, report.seen, report.version)
    since = [
        one for one in happened(decider, records) if report.seen < one.version <= report.version
    ]
    culprit = decisive(decider, state, command, sent, since, aggregate)
    if culprit is None or (sent.session and culprit.session == sent.session):
        return report
    return report.model_copy(update={"decisive": culprit.change(None)})


def command_class(decider: Decider[S, C, E], name: str, *, stored: bool = False) -> type[C] | None:
    """Return the class of the commands that notes call so; None if there is none now.

    Older notes have the names of classes, also of those that have another stored name today. With
    `stored`, the name is certainly a stored one: a class may have the name that another one had.
    """
    for kind in decider.commands:  # the usual case, and many commands are read one after the other
        if kind.stored_as == name:
            return kind
    classes = {} if stored else {kind.__name__: kind for kind in decider.commands}
    classes |= {each: kind for kind in decider.commands for each in names_of(kind)}
    return classes.get(name)


def _command(decider: Decider[S, C, E], note: Note, data: bytes) -> C:
    """Make the command of a note from its packed fields; raises `Invalid`."""
    kind = command_class(decider, note.command, stored=note.schema is not None)
    name = note.command if kind is None else kind.stored_as
    return decider.load_command(name, note.schema or 1, data)
