"""The ledger of an outlet: what is delivered, and what waits. All of it changes in one write.

Changes are collected and written a few times a second, with one flush: flushes of every delivery
would slow the journal's. A crash costs what was delivered since the last write: it comes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.forms import (
    LIVE,
    ORIGIN,
    PARKED,
    PROGRESS,
    WAITING,
    LaneRow,
    Live,
    Origin,
    Progress,
    digest_of,
    eight,
)
from comity.actors.delivering.lane import Lane
from comity.actors.delivering.ledger_tables import DUE, EVENTS, HEADS, LANES, META, NAMES
from comity.engine.errors import LedgerDamaged
from comity.engine.formats import LEDGER, too_new

if TYPE_CHECKING:
    from comity.actors.delivering.lane import Entry
    from comity.actors.delivering.ledger_tables import Tables

_MANY: Final = 256
"""Rows that are read at once."""


class Ledger:
    """What is delivered and what waits. One thread changes it; others may read `parked`.

    Raises:
        TooNew: only a newer comity reads it.
        LedgerDamaged: it has no origin.
    """

    MOST: Final = 4_096
    """Changes that are collected at most; more are written at once."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        origin, progress = tables.get(META, ORIGIN), tables.get(META, PROGRESS)
        if origin is None or progress is None:
            raise LedgerDamaged("a ledger has no origin: it is not what was written")
        self.origin = Origin.unpack(origin)
        if self.origin.format > LEDGER:
            known = f"format {LEDGER}"
            what = f"the ledger of {self.origin.outlet} has format {self.origin.format}"
            raise too_new(what, known, self.origin.comity)
        self.progress = Progress.unpack(progress)
        self.live = Live.unpack(tables.get(META, LIVE))
        """What other programs were told."""
        self._changes: dict[str, dict[bytes, bytes | None]] = {name: {} for name in NAMES}
        self._stale: dict[bytes, Lane] = {}
        """Kept lanes whose rows have changed."""

    # --- changing ---------------------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether there is something to write, beside the progress."""
        return bool(self._stale) or bool(self._changes[EVENTS])

    @property
    def is_full(self) -> bool:
        """Whether the changes must be written before more are made."""
        return len(self._stale) + len(self._changes[EVENTS]) > self.MOST

    def keep(self, lane: Lane, entries: Sequence[Entry]) -> None:
        """Add events at the end of a lane, which is kept from now on."""
        ended = self._stale.get(lane.digest)
        if ended is not None and ended is not lane:  # the key has had a lane until just now
            lane.saved = ended.saved
        for entry in entries:
            entry.done = True
            if lane.kept and entry.position <= lane.last:  # it was added before a crash
                continue
            self.add(lane, entry.position, entry.microseconds)
        self._keep(lane)

    def add(self, lane: Lane, position: int, microseconds: int) -> None:
        """Add an event at the end of a lane, which is kept from now on."""
        if not lane.size:
            lane.first, lane.first_time = position, microseconds
        lane.last = position
        lane.size += 1
        self._changes[EVENTS][lane.digest + eight(position)] = eight(microseconds)
        self._count(lane, events=1, keys=0)
        self._keep(lane)

    def _keep(self, lane: Lane) -> None:
        self._count(lane, events=0, keys=0 if lane.kept else 1)
        lane.kept = True
        self._stale[lane.digest] = lane

    def change(self, lane: Lane, state: str | None = None) -> None:
        """Note that a kept lane has changed; with `state`, give it that state."""
        if state is not None and state != lane.state:
            self._count(lane, events=-lane.size, keys=-1)
            lane.state = state
            self._count(lane, events=lane.size, keys=1)
        self._stale[lane.digest] = lane

    def remove(self, lane: Lane, position: int) -> None:
        """Remove one event of a kept lane; the lane ends with its last event."""
        self._changes[EVENTS][lane.digest + eight(position)] = None
        lane.size -= 1
        self._count(lane, events=-1, keys=0 if lane.size else -1)
        if position == lane.first:
            while lane.loaded and lane.loaded[0][0] <= position:
                lane.loaded.popleft()
            if lane.size:
                lane.first, lane.first_time = self.first_of(lane, position + 1)
        else:
            lane.loaded.clear()
        self._stale[lane.digest] = lane

    def give_up(self, lane: Lane, position: int | None = None) -> int:
        """Drop one event of a kept lane, or all until the changes are full; returns how many."""
        dropped = 0
        if position is None:
            while lane.size and not self.is_full:
                self.remove(lane, lane.first)
                dropped += 1
        elif [each for each, _ in self.events(lane, position, 1)] == [position]:
            if position == lane.first:
                lane.tries = lane.attempts = 0
            self.remove(lane, position)
            dropped = 1
        self.progress = self.progress._replace(given_up=self.progress.given_up + dropped)
        return dropped

    def _count(self, lane: Lane, *, events: int, keys: int) -> None:
        now = self.progress
        if lane.state == PARKED:
            self.progress = now._replace(
                parked=now.parked + events, parked_keys=now.parked_keys + keys
            )
        else:
            self.progress = now._replace(
                waiting=now.waiting + events, waiting_keys=now.waiting_keys + keys
            )

    # --- reading ----------------------------------------------------------------------------------

    @property
    def has_lanes(self) -> bool:
        """Whether any key waits or is parked."""
        return self.progress.waiting_keys + self.progress.parked_keys > 0

    def lane(self, digest: bytes) -> Lane | None:
        """The lane of a key that is kept; None if the key has none."""
        stale = self._stale.get(digest)
        if stale is not None:
            return stale if stale.size else None
        data = self.tables.get(LANES, digest)
        return None if data is None else Lane.of(digest, LaneRow.unpack(data))

    def lanes(self) -> Iterator[Lane]:
        """All lanes that are kept, as far as they are written, in no order that means anything."""
        start = b""
        while rows := self.tables.rows(LANES, start, b"", _MANY):
            for digest, data in rows:
                yield Lane.of(digest, LaneRow.unpack(data))
            start = rows[-1][0] + b"\0"

    def lane_of(self, key: str) -> Lane | None:
        """As `lane`, by the key itself."""
        return self.lane(digest_of(key))

    def first_of(self, lane: Lane, position: int) -> tuple[int, int]:
        """The position and time of a lane's first event from this position on."""
        if not lane.loaded:
            lane.loaded.extend(self.events(lane, position))
        if not lane.loaded:
            raise LedgerDamaged(f"the events of {lane.key!r} are missing in the ledger")
        return lane.loaded[0]

    def events(self, lane: Lane, position: int, most: int = _MANY) -> Sequence[tuple[int, int]]:
        """The positions and times of a lane's events, from this position on."""
        start, changes = lane.digest + eight(position), self._changes[EVENTS]
        rows = self.tables.rows(EVENTS, start, lane.digest, most)
        found: dict[bytes, bytes | None] = dict(rows)
        if len(rows) < most:  # there may be more that are not written yet
            found |= {
                key: value
                for key, value in list(changes.items())  # another thread may add more
                if key >= start and key.startswith(lane.digest)
            }
        return [
            (int.from_bytes(key[16:], "big"), int.from_bytes(value, "big"))
            for key, value in sorted(found.items())
            if value is not None and changes.get(key, value) is not None
        ]

    def due(self, most: int) -> Sequence[tuple[int, bytes]]:
        """When the next keys are due, and their digests, soonest first, as far as it is written."""
        rows = self.tables.rows(DUE, b"", b"", most)
        return [(int.from_bytes(key[:8], "big"), key[8:]) for key, _ in rows]

    def drop_due(self, due: int, digest: bytes) -> None:
        """Drop a row that does not say when the key is due: a failed write has left it."""
        self.tables.write({DUE: {eight(due) + digest: None}})

    def oldest(self) -> int | None:
        """When the oldest event that waits was decided, as far as it is written."""
        for lane in self._by_head(WAITING):
            return lane.first_time
        return None

    def parked_lanes(self, after: int = 0) -> Iterator[Lane]:
        """The parked keys in the journal's order of their first events, after this position."""
        return self._by_head(PARKED, after)

    def _by_head(self, state: str, after: int = 0) -> Iterator[Lane]:
        prefix, start = state.encode(), state.encode() + eight(after + 1)
        while rows := self.tables.rows(HEADS, start, prefix, _MANY):
            for key, _ in rows:
                data = self.tables.get(LANES, key[9:])
                row = None if data is None else LaneRow.unpack(data)
                if row is not None and row.state == state and eight(row.first) == key[1:9]:
                    yield Lane.of(key[9:], row)  # else a failed write has left the head
            start = rows[-1][0] + b"\0"

    # --- writing ----------------------------------------------------------------------------------

    def write(self, progress: Progress, live: Live | None = None) -> Sequence[Lane]:
        """Write this progress and all changes; returns the lanes whose rows were written.

        Args:
            progress: how far the outlet is.
            live: tell this to other programs.

        Raises:
            StorageFailed, OutcomeUnknown: nothing is forgotten; call it again.
        """
        self.progress = progress
        lanes = list(self._stale.values())
        for table in (LANES, DUE, HEADS):  # of a write that failed
            self._changes[table].clear()
        for lane in lanes:
            self._put(lane)
        self._changes[META][PROGRESS] = progress.pack()
        if live is not None:
            self._changes[META][LIVE] = live.pack()
        self.tables.write(self._changes)
        self.live = live or self.live
        for lane in lanes:
            lane.saved = lane.row if lane.size else None
        for rows in self._changes.values():
            rows.clear()
        self._stale.clear()
        return lanes

    def _put(self, lane: Lane) -> None:
        """Collect the changes of a lane's rows."""
        old, new = lane.saved, lane.row if lane.size else None
        for row, value in ((old, None), (new, b"")):
            if row is not None:
                head = row.state.encode() + eight(row.first) + lane.digest  # 1, 8, 16 bytes
                self._changes[HEADS][head] = value
                if row.state == WAITING:
                    self._changes[DUE][eight(row.due) + lane.digest] = value
        self._changes[LANES][lane.digest] = None if new is None else new.pack()
