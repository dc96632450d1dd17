"""Helpers of the contract's cases: they make turns, append them and read records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import cast

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import OutcomeUnknown, StorageFailed
from comity.engine.journal.entry import Entry, records_of
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Result, Stale, Stored, Unknown
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn

TRIES = 50
"""How often in a row a journal may fail to recover, or answer `Unknown` for a turn."""

MOST_BATCHES = 1_000
"""How many batches a journal may give before an empty batch: no case writes so many."""

A, B, C = (AggregateId("board", key) for key in "abc")

_ids = count(1)


def new_id() -> str:
    """Return a command id that was never used."""
    return f"id-{next(_ids)}"


def events(*data: bytes) -> tuple[StoredEvent, ...]:
    """Return one event for each item of `data`."""
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
    """Return a turn of one command with one event for each item; the default id is a new one."""
    id_ = new_id() if command_id is None else command_id
    entry = Entry(id_, events(*data), time, b"note", retry, lasting)
    return Turn.of(aggregate, expected, [entry])


def lasting(aggregate: AggregateId, expected: int) -> Turn:
    """Return a turn of one command that makes a lasting record."""
    return turn(aggregate, expected, lasting=True)


def joined(*turns: Turn) -> Turn:
    """Join turns into one turn, decided at the version of the first turn."""
    entries = [entry for one in turns for entry in entries_of(one)]
    return Turn.of(turns[0].aggregate, turns[0].expected, entries)


def entries_of(turn: Turn) -> list[Entry]:
    """Return the entries of a turn."""
    return [
        Entry(id_, stored, time, note, index in turn.retries, lasting)
        for index, (_, _, _, id_, stored, time, note, lasting) in enumerate(
            records_of(turn.aggregate, turn.expected, 0, turn.entries)
        )
    ]


def write(journal: Journal, aggregate: AggregateId, *sizes: int) -> None:
    """Append one command for each size, in separate calls; each event's data is its version."""
    for size in sizes:
        version = journal.version(aggregate)
        data = (str(version + 1 + each).encode() for each in range(size))
        (result,) = append(journal, [turn(aggregate, version, *data)])
        assert isinstance(result, Stored)


def data(records: Iterable[Record]) -> list[bytes]:
    """Return the data of every event."""
    return [cast("bytes", event.data) for record in records for event in record.events]


def firsts(records: Iterable[Record]) -> list[int]:
    """Return the version of each record's first event."""
    return [record.version + 1 for record in records]


def positions(records: Iterable[Record]) -> list[int]:
    """Return the position of every event."""
    return [
        record.position + each for record in records for each in range(1, len(record.events) + 1)
    ]


def until_caught_up(following: Iterator[Sequence[Record]]) -> list[Record]:
    """Return the records of all batches before the first empty batch."""
    found: list[Record] = []
    for _ in range(MOST_BATCHES):
        batch = list(next(following))
        if not batch:
            return found
        found += batch
    raise AssertionError(f"it has not caught up in {MOST_BATCHES} batches")


def rising(records: Iterable[Record]) -> list[int]:
    """Return the position of every event, and check that positions increase."""
    found = positions(records)
    assert found == sorted(set(found))
    return found


def placeless(records: Iterable[Record]) -> list[Record]:
    """Return the records without positions, to compare them with another journal's records."""
    return [record._replace(position=0) for record in records]


# --- appending ------------------------------------------------------------------------------------


def append(
    journal: Journal, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()
) -> list[Result]:
    """Append turns, and append those again that were `Unknown` and are not stored.

    No result is `Unknown`.
    """
    retried = [turn.ids[index] for turn in turns for index in turn.retries]
    before = {each for each in retried if journal.find(each)}
    results = _appended(journal, turns, snapshots)
    unknown: set[AggregateId] = set()
    again: list[int] = []
    for place, (turn, result) in enumerate(zip(turns, results, strict=True)):
        if isinstance(result, Unknown):
            if not unknown:
                recover(journal)
            unknown.add(turn.aggregate)
            record = journal.find(turn.ids[-1])
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
    """Call `recover` until it succeeds."""
    for _ in range(TRIES):
        try:
            return journal.recover()
        except StorageFailed:
            continue
    raise AssertionError(f"it has not recovered in {TRIES} tries")


def told(results: Iterable[Result]) -> list[tuple[str, int]]:
    """Return the kind of each result, with its version or number."""
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
