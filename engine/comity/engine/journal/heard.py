"""What other processes have written, kept packed until this one decides on it.

A process that shares a journal reads each commit of the others once, to follow its index
(`skimming`). Later an actor applies the same turns to its state. It would take three times as long
to find them in LMDB again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import records_from
from comity.engine.journal.lasting_counts import LastingCounts
from comity.engine.journal.record import Record

MOST_BYTES: Final = 8 << 20
"""The size of each of two generations: some 30,000 small turns. The older one is forgotten."""
LARGE: Final = 1 << 14
"""A turn of so many bytes is not kept: it is read from the journal."""

HeardTurn: TypeAlias = tuple[AggregateId, int, int, int, int, bytes]
"""A turn of another process: its aggregate; the version before it; its events; the lasting records
after its last event; the position before it; and its payload (`commit_turn`), empty if it is large.
"""

_Kept: TypeAlias = tuple[int, int | None, int, int, bytes]
"""A turn: the version before it, the lasting records at that version if they are known, the version
after it, the position before it, its payload."""


class Heard:
    """For each aggregate the newest turns of others, without a gap up to the newest one.

    One thread at a time may change it; any thread may call `since`.

    Args:
        counts: the writer's; it gets the lasting records of each turn.
    """

    def __init__(self, counts: LastingCounts) -> None:
        self._counts = counts
        self._new: dict[AggregateId, tuple[_Kept, ...]] = {}
        self._old: dict[AggregateId, tuple[_Kept, ...]] = {}
        self._size = 0

    def add(self, turns: Iterable[HeardTurn]) -> None:
        """Keep these turns, which follow all others."""
        new, old, counts = self._new, self._old, self._counts
        for aggregate, version, events, lasting, position, payload in turns:
            before = counts.move(aggregate, events, lasting)
            earlier = new.get(aggregate)
            if earlier is None:  # empty after a large turn: then the older ones do not go on
                earlier = old.get(aggregate, ())
            if not payload or (earlier and earlier[-1][2] != version):
                earlier = ()
            kept = version, before, version + events, position, payload
            new[aggregate] = (*earlier, kept) if payload else ()
            self._size += len(payload)
        if self._size > MOST_BYTES:
            self._old, self._new, self._size = new, {}, 0

    def since(
        self, aggregate: AggregateId, version: int, lasting: int | None
    ) -> Iterator[Record] | None:
        """Give the records that `Journal.since` gives. None: read them in the journal."""
        turns = self._new.get(aggregate)
        if turns is None:
            turns = self._old.get(aggregate, ())
        for number, (before, known, *_) in enumerate(turns):
            if before == version and (lasting is None or known == lasting):
                after = version if lasting is None else version - 1
                return (
                    one for one in _records(aggregate, turns[number:]) if one.last_version > after
                )
        return None

    def forget(self, aggregates: Iterable[AggregateId]) -> None:
        """Forget the turns of these, which this process has written after them."""
        if self._new or self._old:
            for aggregate in aggregates:
                self._new.pop(aggregate, None)
                self._old.pop(aggregate, None)

    def clear(self) -> None:
        """Forget everything."""
        self._new, self._old, self._size = {}, {}, 0


def _records(aggregate: AggregateId, turns: Sequence[_Kept]) -> Iterator[Record]:
    for version, _, _, position, payload in turns:
        _, entries, *_ = unpackb(payload, use_list=False)
        for record in records_from(aggregate, version, position, entries):
            if record.events or record.lasting:
                yield record
