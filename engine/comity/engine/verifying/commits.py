"""Checks commits one after the other: their checksums, their chain, and each aggregate's turns.

`JournalCheck` uses it. It goes on behind a fault: the head of each commit says what comes before
it, and the frame of each turn says the same of its aggregate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from zlib import crc32

from msgpack import unpackb

from comity.engine import formats
from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_turn
from comity.engine.journal.commit_head import (
    CRC,
    HEAD_BYTES,
    NO_COMMIT,
    PLACE,
    CommitHead,
    read_head,
)
from comity.engine.journal.commit_layout import LAYOUTS, check_turns, turns_left
from comity.engine.journal.event_kind import kinds_in
from comity.engine.journal.index import BLOCK_BITS
from comity.engine.journal.located import Located
from comity.engine.journal.skimming import Kinds
from comity.engine.journal.tip import NO_TIP
from comity.engine.verifying.faults import Faults

FORMAT: Final = 3
_FRAME: Final = commit_turn.FRAME
_ID, _TIME, _EVENTS, _LASTING = 0, 1, 2, 4
_NAME, _SCHEMA, _READABLE = 0, 1, 4

OnIds: TypeAlias = Callable[[int, int, int, Sequence[str], int], None]
"""Gets a turn's last record, commit, offset, command ids, and the time of its first entry."""


class Commits:
    """What was read of the commits so far.

    Args:
        faults: where faults are noted.
        ids: called with the command ids of each turn.
        counted: the last commit that the stored counts of kinds cover.
        marked: the commit that the mark names.
        marker: the last commit that the stored index covers.
    """

    def __init__(
        self, faults: Faults, ids: OnIds, *, counted: int, marked: int, marker: int
    ) -> None:
        self._faults = faults
        self.ids = ids
        self._counted, self._marked, self._marker = counted, marked, marker
        self._last = NO_COMMIT
        self._kinds: Kinds = {}
        self.kinds: Kinds | None = None
        """The kinds of events up to the commit `counted`."""
        self.mark_crc: int | None = None
        """The checksum of the head of the commit `marked`."""
        self.number = 0
        """The number of the last commit that was found."""
        self.commits = self.records = self.events = 0
        self.tips: dict[tuple[str, str], tuple[int, int, int]] = {}
        """The last turn of each aggregate: its version, commit and offset."""
        self.full: list[tuple[tuple[str, str], tuple[int, int, int]]] = []
        """The last turns of complete blocks that the stored index covers …"""
        self.indexed: dict[tuple[str, str], tuple[int, int, int]] | None = None
        """… and the last turn of each aggregate there; None while all commits are in it."""
        self.lost: set[int] = set()
        """The commits of which something is missing."""
        self.missing = 0
        """How many commits are missing completely."""
        self.thinned: set[int] = set()
        """The commits from which records were dropped, so that the index has more ids of them."""
        self.dropped = 0
        """How many records were dropped from them."""

    @property
    def last(self) -> CommitHead:
        """The head of the last sound commit."""
        return self._last

    def take(self, number: int, commit: bytes, page: int) -> None:
        """Check the commit that is stored under this number.

        Raises:
            TooNew: it has a newer format.
        """
        try:
            head = read_head(number, memoryview(commit))
        except JournalDamaged as error:
            self._faults.add("commits", str(error), commit=number, page=page)
            self._close_gap(number)
            self.lost.add(number)
            return
        if commit[0] not in LAYOUTS:
            known = f"formats up to {max(LAYOUTS)}"
            raise formats.too_new(f"commit {number} has format {commit[0]}", known)
        self._close_gap(number)
        if number > self._marker and self.indexed is None:
            self.indexed = self.tips.copy()
        self._check_follows(head)
        if commit[0] == FORMAT:
            sound = self._turns(head, commit)
        elif commit[0] == formats.THINNED:
            sound = self._left(head, commit)
        else:
            sound = self._old(head, commit)
        if not sound:
            self.lost.add(number)
        self._last = head
        self.commits += 1
        if number == self._counted:
            self.kinds = dict(self._kinds)
        if number == self._marked:
            self.mark_crc = head.crc

    def end(self, known: int) -> None:
        """Tell which commits are missing at the end, since this number is known to be the last."""
        self._close_gap(known + 1)
        self.number = known

    def _close_gap(self, number: int) -> None:
        """Tell which commits are missing before this one."""
        if number > self.number + 1:
            first, last = self.number + 1, number - 1
            said = f"commit {first} is" if first == last else f"commits {first} to {last} are"
            self._faults.add("commits", f"{said} missing", commit=first)
            self.missing += number - first
            self.lost.update(range(first, min(number, first + 1_000_000)))
        self.number = number

    def _check_follows(self, head: CommitHead) -> None:
        last = self._last
        if last.number + 1 == head.number:
            expected = last.last_position, last.last_record, last.crc
            if (head.position, head.record, head.previous) != expected:
                what = f"commit {head.number} does not follow commit {last.number}"
                self._faults.add("commits", what, commit=head.number)
        elif head.position < last.last_position or head.record < last.last_record:
            what = f"commit {head.number} overlaps commit {last.number}"
            self._faults.add("commits", what, commit=head.number)

    def _bad(self, head: CommitHead, offset: int, what: str) -> None:
        self._faults.add(
            "commits", f"commit {head.number}, offset {offset}: {what}",
            commit=head.number, offset=offset,
        )  # fmt: skip

    def _turns(self, head: CommitHead, stored: bytes) -> bool:
        """Check the turns of a commit of format 3; return whether all are sound."""
        number, offset, digest, full = head.number, HEAD_BYTES, 0, len(stored)
        record, position, sound = head.record, head.position, True
        unpack, size_of = _FRAME.unpack_from, _FRAME.size
        while offset < full:
            if offset + size_of > full:
                self._bad(head, offset, "a turn is cut short")
                return False
            crc, size, *rest = unpack(stored, offset)
            events, many, lasting, first, version, start, previous, back = rest
            end = offset + size_of + size
            if crc32(stored[offset + CRC.size : end], crc32(PLACE.pack(number, offset))) != crc:
                if record >= 0:  # else the size of the turn before was perhaps another one
                    self._bad(head, offset, "a turn is not what was written")
                if end >= full or record < 0:
                    return False
                sound, record, position, offset = False, -1, -1, end
                continue
            if (first, start) != (record, position) and record >= 0:
                self._bad(head, offset, "a turn is missing")
                sound = False
            digest ^= crc
            try:
                aggregate, entries, *_ = unpackb(stored[offset + size_of : end], use_list=False)
                self._entries(head, offset, aggregate, entries, events, many, lasting, first)
            except (ValueError, TypeError, LookupError) as error:
                self._bad(head, offset, f"a turn cannot be read: {error}")
                sound = False
            else:
                before = version, previous, back
                self._move(aggregate, before, version + events, number, offset, events or lasting)
            record, position, offset = first + many, start + events, end
        if sound and (digest, record, position) != (
            head.digest, head.last_record, head.last_position,
        ):  # fmt: skip
            self._bad(head, HEAD_BYTES, "the commit does not hold what its head says")
            return False
        return sound

    def _entries(
        self,
        head: CommitHead,
        offset: int,
        aggregate: tuple[str, str],
        entries: Sequence[Sequence[Any]],
        events: int,
        many: int,
        lasting: int,
        first: int,
    ) -> None:
        """Check a turn's entries; note their ids and kinds."""
        counted, last = 0, 0
        type_, kinds = aggregate[0], self._kinds
        for entry in entries:
            found = entry[_EVENTS]
            if found:
                counted += len(found)
                last = 0
                for event in found:
                    readable = event[_READABLE] if len(event) > _READABLE else 0
                    kind = type_, event[_NAME], event[_SCHEMA], readable
                    kinds[kind] = kinds.get(kind, 0) + 1
            elif len(entry) > _LASTING and entry[_LASTING]:
                last += 1
        if (counted, len(entries), last) != (events, many, lasting):
            self._bad(head, offset, "the frame of a turn counts otherwise")
        self.events += counted
        self.records += many
        ids = [entry[_ID] for entry in entries]
        self.ids(first + many - 1, head.number, offset, ids, entries[0][_TIME])

    def _move(
        self,
        aggregate: tuple[str, str],
        before: tuple[int, int, int],
        version: int,
        number: int,
        offset: int,
        stays: int,
    ) -> None:
        """Check that a turn follows its aggregate's last one."""
        if self.tips.get(aggregate, NO_TIP) != before:
            self._break(aggregate, before, number, offset)
        if not stays:
            return
        self.tips[aggregate] = version, number, offset
        crosses = before[0] >> BLOCK_BITS != version >> BLOCK_BITS and before[1]
        if crosses and number <= self._marker:
            self.full.append((aggregate, before))

    def _break(
        self, aggregate: tuple[str, str], before: tuple[int, int, int], number: int, offset: int
    ) -> None:
        tip = self.tips.get(aggregate, NO_TIP)
        name = f"{aggregate[0]}/{aggregate[1]}"
        if before[0] == tip[0] + 1:
            what = f"its version {before[0]} is missing"
        elif before[0] > tip[0]:
            what = f"its versions {tip[0] + 1} to {before[0]} are missing"
        elif before[0] < tip[0]:
            what = f"version {before[0] + 1} is there twice"
        else:
            what = "a record without events is missing before this one"
        self._faults.add(
            "aggregates", f"{name}: {what}",
            commit=number, offset=offset, aggregate=name, version=tip[0] + 1,
        )  # fmt: skip

    def _old(self, head: CommitHead, stored: bytes) -> bool:
        """Check the records of a commit of an older format; return whether all are sound."""
        view, layout = memoryview(stored), LAYOUTS[stored[0]]
        offset, digest = HEAD_BYTES, 0
        record, position = head.record, head.position
        while offset < len(stored):
            try:
                found = layout.locate(head.number, offset, view[offset:])
            except JournalDamaged as error:
                self._faults.add("commits", str(error), commit=head.number, offset=offset)
                return False
            if (found.number, found.records[0].position) != (record, position):
                self._bad(head, offset, "a record is missing")
                return False
            self._found(head, found)
            digest ^= found.crc
            record += len(found.records)
            position = found.records[-1].last_position
            offset += found.size
        if (digest, record, position) != (head.digest, head.last_record, head.last_position):
            self._bad(head, HEAD_BYTES, "the commit does not hold what its head says")
            return False
        return True

    def _left(self, head: CommitHead, stored: bytes) -> bool:
        """Check the turns that are left of a thinned commit; return whether all are sound."""
        view, layout, records = memoryview(stored), LAYOUTS[stored[0]], self.records
        try:
            places = check_turns(head, view, layout)
            for found in turns_left(head, view, layout, places):
                self._found(head, found)
        except JournalDamaged as error:
            self._faults.add("commits", str(error), commit=head.number)
            return False
        self.thinned.add(head.number)
        self.dropped += head.records - (self.records - records)
        return True

    def _found(self, head: CommitHead, found: Located) -> None:
        """Take a sound turn; check that it follows its aggregate's last one."""
        for kind, many in kinds_in(found.records).items():
            self._kinds[kind] = self._kinds.get(kind, 0) + many
        self.ids(
            found.number + found.many - 1, head.number, found.offset,
            [one.command_id for one in found.records], found.records[0].time,
        )  # fmt: skip
        self._move(
            found.records[0].aggregate, found.before, found.last_version, head.number,
            found.offset, int(found.stays),
        )  # fmt: skip
        self.records += len(found.records)
        self.events += sum(len(one.events) for one in found.records)
