"""Writes the turns of a damaged journal into a new one, and keeps account of what is missing.

Of each aggregate the new journal has the versions from 1 up to the first gap: an event means
something only on the state that all events before it have made. What comes after a gap is written
aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Stored
from comity.engine.journal.tip import NO_TIP, Tip
from comity.engine.verifying.aside import Aside
from comity.engine.verifying.raw_turns import RawTurn
from comity.engine.verifying.salvaged import CutAggregate

_TURNS: Final = 1_024
_BYTES: Final = 4 << 20


class Cut:
    """What is known of an aggregate behind its first gap."""

    def __init__(self, kept: int, missing: int) -> None:
        self.kept, self.missing = kept, missing
        self.known = missing
        self.aside = 0


class Rescue:
    """The new journal, as far as it is written.

    Args:
        journal: the new journal.
        aside: gets what cannot be in it.
    """

    def __init__(self, journal: LmdbJournal, aside: Aside) -> None:
        self._journal = journal
        self._aside = aside
        self._turns: list[RawTurn] = []
        self._size = 0
        self.tips: dict[AggregateId, Tip] = {}
        """The last turn of each aggregate that is kept, by its place in the old journal."""
        self.cuts: dict[AggregateId, Cut] = {}
        self.records = self.events = 0
        self.records_aside = self.events_aside = 0
        self.same = 0
        """Up to this position both journals are the same …"""
        self.same_record = 0
        self.is_same = True
        """… and whether they were until now."""

    def take(self, turn: RawTurn) -> None:
        """Append a turn, or write it aside."""
        located = turn.located
        aggregate, before = located.records[0].aggregate, located.before
        tip = self.tips.get(aggregate, NO_TIP)
        events = located.last_version - before.version
        cut = self.cuts.get(aggregate)
        if cut is None and before.version != tip.version:
            cut = self.cuts[aggregate] = Cut(tip.version, before.version)
        if cut is not None:
            cut.known = max(cut.known, located.last_version)
            cut.aside += len(located.records)
            self._put_aside(turn, events)
            return
        if located.stays:
            self.tips[aggregate] = Tip(located.last_version, turn.commit, located.offset)
        self._check_position(located.records[0].position, events, len(located.records))
        self.records += len(located.records)
        self.events += events
        self._turns.append(turn)
        self._size += len(turn.entries)
        if len(self._turns) >= _TURNS or self._size >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what was taken.

        Raises:
            StorageFailed, OutcomeUnknown: the disk is full, or failed.
        """
        if self._turns:
            results = self._journal.append([turn.turn() for turn in self._turns])
            _check(results, self._turns)
            self._turns, self._size = [], 0

    def know(self, aggregate: AggregateId, version: int) -> None:
        """Note that an aggregate had this version, by what the index or a snapshot says."""
        cut = self.cuts.get(aggregate)
        kept = self.tips.get(aggregate, NO_TIP).version
        if cut is not None:
            cut.known = max(cut.known, version)
        elif version > kept:
            self.cuts[aggregate] = Cut(kept, version)

    def version(self, aggregate: AggregateId) -> int:
        """Return how many events of an aggregate are kept."""
        return self.tips.get(aggregate, NO_TIP).version

    def cut(self) -> tuple[CutAggregate, ...]:
        """Return the aggregates that have a gap."""
        return tuple(
            CutAggregate(str(aggregate), one.kept, one.missing, one.known, one.aside)
            for aggregate, one in sorted(self.cuts.items())
        )

    def _check_position(self, position: int, events: int, many: int) -> None:
        """Note whether these events have the same position in both journals."""
        if self.is_same and events:
            self.is_same = position == self.events
            self.same = self.events + events if self.is_same else self.same
            self.same_record = self.records + many if self.is_same else self.same_record

    def _put_aside(self, turn: RawTurn, events: int) -> None:
        self._aside.turn(turn)
        self.records_aside += len(turn.located.records)
        self.events_aside += events
        self.is_same = self.is_same and not events


def _check(results: Sequence[object], turns: Sequence[RawTurn]) -> None:
    for result, turn in zip(results, turns, strict=True):
        if not isinstance(result, Stored):
            name = turn.located.records[0].aggregate
            raise JournalDamaged(f"a turn of {name} could not be stored: {result}")
