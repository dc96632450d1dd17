"""A turn, which is appended to a journal: the entries that one actor decided in one go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry, pack_list, records_of
from comity.engine.journal.event_kind import EventKind, kinds_in
from comity.engine.journal.snapshot import Snapshot


class Turn(NamedTuple):
    """Entries of one aggregate, each decided on the state after the previous entry.

    The entries are packed already, so that a journal can write them as they are: as one record, or
    as one message. A journal stores a turn completely or not at all. All command ids differ.
    """

    aggregate: AggregateId
    expected: int
    """The aggregate's version at which the first entry was decided."""
    entries: bytes
    """The packed entries; `records_of` makes records of them."""
    ids: tuple[str, ...]
    """The command id of each entry, 1 to 200 bytes of UTF-8."""
    events: int
    """The number of events in the turn."""
    time: int
    """When the last entry was decided: microseconds since 1970, UTC."""
    retries: Sequence[int] = ()
    """The indexes of the entries whose ids the journal looks up, because they may be recorded."""
    lasting: int = 0
    """How many entries after the last event become lasting records."""
    known: int | None = None
    """The aggregate's lasting records at `expected`, as its actor knows them; None: it has none of
    the events before them in memory, so it can miss none."""
    snapshot: Snapshot | None = None
    """The state after the last entry, stored together with the turn."""
    kinds: Mapping[EventKind, int] = MappingProxyType({})
    """How many events of each kind it has; empty in turns of programs that do not count them: then
    a journal that needs the counts calls `found_kinds`."""

    @classmethod
    def of(
        cls,
        aggregate: AggregateId,
        expected: int,
        entries: Iterable[Entry],
        known: int | None = None,
        snapshot: Snapshot | None = None,
    ) -> Self:
        """Make a turn of entries that are not packed yet. Tests and imports use it.

        Raises:
            Invalid: an entry cannot be packed.
        """
        several = tuple(entries)
        lasting = 0
        for entry in several:
            lasting = 0 if entry.events else lasting + entry.lasting
        return cls(
            aggregate,
            expected,
            pack_list([entry.pack() for entry in several]),
            tuple([entry.command_id for entry in several]),
            sum([len(entry.events) for entry in several]),
            several[-1].time if several else 0,
            [index for index, entry in enumerate(several) if entry.retry],
            lasting,
            known,
            snapshot,
            Counter(
                [EventKind.of(aggregate, event) for entry in several for event in entry.events]
            ),
        )

    @property
    def last_version(self) -> int:
        """The aggregate's version after the turn."""
        return self.expected + self.events

    def found_kinds(self) -> Counter[EventKind]:
        """Count the events of each kind by unpacking the entries."""
        return kinds_in(records_of(self.aggregate, self.expected, 0, self.entries))
