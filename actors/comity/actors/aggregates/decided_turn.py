"""The decisions that an actor makes in one go. The actor adds them, the committer writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

from comity.engine.journal.turn import Entry, Turn

if TYPE_CHECKING:
    from comity.actors.aggregates.decided import Decided
    from comity.actors.aggregates.flight import Flight
    from comity.actors.aggregates.task import Answer
    from comity.actors.runtime.pending import Pending
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.errors import ComityError
    from comity.engine.journal.result import Stored
    from comity.engine.journal.snapshot import Snapshot

MOST_BYTES: Final = 1 << 18
"""The size after which a turn takes no more: 256 KiB. Some logs take no message above 1 MiB."""

LEAST_BYTES: Final = 1 << 10
"""The least size that a command counts for, so that `MOST_BYTES` also bounds the commands."""


class DecidedTurn:
    """The decisions of one turn, stored as a whole or not at all.

    Args:
        flight: the flight of the aggregate.
        aggregate: the aggregate's id.
        expected: the aggregate's version before the first decision.
    """

    __slots__ = (
        "_entries", "_expected", "_ids", "aggregate", "current", "decided", "events", "flight",
        "size", "written",
    )  # fmt: skip

    def __init__(self, flight: Flight, aggregate: AggregateId, expected: int) -> None:
        self.flight = flight
        self.aggregate = aggregate
        self.decided: list[Decided] = []
        self.events = 0
        """How many events the turn has."""
        self.size = 0
        """About how many bytes the turn takes, each command with `LEAST_BYTES` or more."""
        self.written: Turn | None = None
        """The turn for the journal, set by `close`; None if all are previews."""
        self.current = False
        """Whether the turn is in the air. Only its flight sets this."""
        self._expected = expected
        self._entries: list[Entry] = []
        self._ids: set[str] | None = None  # of the entries at the last `holds`

    # --- while its actor decides ----------------------------------------------------------------

    @property
    def stores(self) -> bool:
        """Whether the turn has entries for the journal."""
        return bool(self._entries)

    def holds(self, command_id: str) -> bool:
        """Whether an entry of the turn has this command id."""
        if self._ids is None:  # made late: most senders give no ids
            self._ids = set()
        self._ids.update([one.command_id for one in self._entries[len(self._ids) :]])
        return command_id in self._ids

    def add(self, one: Decided) -> None:
        """Add the next decision."""
        self.decided.append(one)
        entry = one.entry
        if entry is not None:
            self._entries.append(entry)
            self.events += len(entry.events)
            size = LEAST_BYTES + len(entry.note)
            for event in entry.events:
                size += len(cast("bytes", event.data))
            self.size += size

    def close(self, snapshot: Snapshot | None) -> None:
        """End the turn; `snapshot` is of the state after it."""
        if self._entries:
            entries = tuple(self._entries)
            self.written = Turn(self.aggregate, self._expected, entries, self._known(), snapshot)

    def _known(self) -> int | None:
        """Count the lasting records that the turn depends on, without its own."""
        own = 0
        for one in self.decided:
            if one.known is not None:
                return one.known - own
            if one.events:
                return None
            own += one.entry is not None and one.entry.lasting
        return None

    # --- once it is durable ---------------------------------------------------------------------

    def answers(self, stored: Stored | None) -> list[tuple[Pending[Answer], Answer | ComityError]]:
        """Make the answer to each command; `stored` is None if all are previews."""
        version, position = self._expected, 0 if stored is None else stored.position - self.events
        answers: list[tuple[Pending[Answer], Answer | ComityError]] = []
        for one in self.decided:
            if one.entry is not None:
                version += len(one.events)
                position += len(one.events)
            answers.append((one.task.pending, one.answer or one.receipt(version, position)))
        return answers

    def happened(self, stored: Stored) -> Iterator[tuple[Decided, Entry, int, int]]:
        """Yield each decision with events, and the version and position before its events."""
        version, position = self._expected, stored.position - self.events
        for one in self.decided:
            if one.entry is not None and one.events:
                yield one, one.entry, version, position
                version += len(one.events)
                position += len(one.events)
