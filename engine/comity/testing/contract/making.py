"""Turns to append, and what to look at: the words of the contract's cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import OutcomeUnknown, StorageFailed
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Result, Stale, Stored, Unknown
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Entry, Turn

TRIES = 50
"""How often a journal may fail to recover, or not know what became of a turn, in a row."""

MOST_BATCHES = 1_000
"""How many batches a journal may give before an empty one: no case writes as much."""

A, B, C = (AggregateId("board", key) for key in "abc")

_ids = count(1)


def new_id() -> str:
    """A command id that was never used."""
    return f"id-{next(_ids)}"


def events(*data: bytes) -> tuple[StoredEvent, ...]:
    """An event for each data."""
    return tuple(StoredEvent("noted", 1, each) for each in data)


def turn(
    aggregate: AggregateId,
    expected: int,
    *data: bytes,
    command_id: str | None = None,
    retry: bool = False,
    lasting: bool = False,
    time: int = 1_700_000_000_000_000,
) -> Turn:
    """A turn of one command, an event for each data; a new command id unless one is given."""
    id_ = new_id() if command_id is None else command_id
    entry = Entry(id_, events(*data), time, b"note", retry, lasting)
    return Turn(aggregate, expected, (entry,))


def lasting(aggregate: AggregateId, expected: int) -> Turn:
    """A turn of a command without events that belongs to the aggregate's history."""
    return turn(aggregate, expected, lasting=True)


def joined(*turns: Turn) -> Turn:
    """One turn of all their entries, decided where the first one was."""
    return turns[0]._replace(entries=tuple(entry for one in turns for entry in one.entries))


def write(journal: Journal, aggregate: AggregateId, *sizes: int) -> None:
    """Append commands of so many events each, one call per command; data is the version."""
    for size in sizes:
        version = journal.version(aggregate)
        data = (str(version + 1 + each).encode() for each in range(size))
        (result,) = append(journal, [turn(aggregate, version, *data)])
        assert isinstance(result, Stored)


def data(records: Iterable[Record]) -> list[bytes]:
    """The data of every event."""
    return [event.data for record in records for event in record.events]


def firsts(records: Iterable[Record]) -> list[int]:
    """The version of each record's first event."""
    return [record.version + 1 for record in records]


def positions(records: Iterable[Record]) -> list[int]:
    """The position of every event."""
    return [
        record.position + each for record in records for each in range(1, len(record.events) + 1)
    ]


def until_caught_up(following: Iterator[Sequence[Record]]) -> list[Record]:
    """The records of the batches that come before an empty one."""
    found: list[Record] = []
    for _ in range(MOST_BATCHES):
        batch = list(next(following))
        if not batch:
            return found
        found += batch
    raise AssertionError(f"it has not caught up in {MOST_BATCHES} batches")


def rising(records: Iterable[Record]) -> list[int]:
    """The position of every event, which are checked to rise."""
    found = positions(records)
    assert found == sorted(set(found))
    return found


def placeless(records: Iterable[Record]) -> list[Record]:
    """Records to compare with those of another journal, which has other positions."""
    return [record._replace(position=0) for record in records]


# --- appending ------------------------------------------------------------------------------------


def append(
    journal: Journal, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()
) -> list[Result]:
    """Append, and again what is not known to be stored and is not: so no result is `Unknown`."""
    before = {
        entry.command_id
        for turn in turns
        for entry in turn.entries
        if entry.retry and journal.find(entry.command_id)
    }
    results = _appended(journal, turns, snapshots)
    unknown: set[AggregateId] = set()
    again: list[int] = []
    for place, (turn, result) in enumerate(zip(turns, results, strict=True)):
        if isinstance(result, Unknown):
            if not unknown:
                recover(journal)
            unknown.add(turn.aggregate)
            record = journal.find(turn.entries[-1].command_id)
            if record is not None and record.command_id not in before:
                results[place] = Stored(record.last_version, record.last_position)
                continue
        if turn.aggregate in unknown:
            again.append(place)
    if again:
        said = append(journal, [turns[place] for place in again], snapshots)
        for place, result in zip(again, said, strict=True):
            results[place] = result
    return results


def _appended(
    journal: Journal, turns: Sequence[Turn], snapshots: Sequence[Snapshot]
) -> list[Result]:
    try:
        return list(journal.append(turns, snapshots))
    except OutcomeUnknown as error:
        return [Unknown(str(error)) for _ in turns]


def recover(journal: Journal) -> None:
    """Recover, once the journal can."""
    for _ in range(TRIES):
        try:
            return journal.recover()
        except StorageFailed:
            continue
    raise AssertionError(f"it has not recovered in {TRIES} tries")


def told(results: Iterable[Result]) -> list[tuple[str, int]]:
    """Results without positions and records."""
    return [_told(result) for result in results]


def _told(result: Result) -> tuple[str, int]:
    match result:
        case Stored(version=version):
            return "stored", version
        case Stale(version=version):
            return "stale", version
        case Repeated(number=number):
            return "repeated", number
        case Unknown():
            return "unknown", 0
