"""The decisions that an actor makes in one go. The actor adds them, the committer writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from comity.engine.formats import filled
from comity.engine.journal.entry import pack_list
from comity.engine.journal.turn import Turn

if TYPE_CHECKING:
    from comity.actors.aggregates.flight import Flight
    from comity.actors.aggregates.task import Answer, Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.errors import ComityError
    from comity.engine.journal.event_kind import EventKind
    from comity.engine.journal.result import Stored
    from comity.engine.journal.snapshot import Snapshot
    from comity.engine.merging.decider import AnyDecider

MOST_BYTES: Final = 1 << 18
"""The size after which a turn takes no more: 256 KiB. Some logs take no message above 1 MiB."""

LEAST_BYTES: Final = 1 << 10
"""What a command counts for beside its bytes, so that `MOST_BYTES` also bounds the commands."""


_id: Final = attrgetter("id")
_events: Final = attrgetter("events")


class DecidedTurn:
    """The decisions of one turn, stored as a whole or not at all.

    Args:
        flight: the flight of the aggregate.
        aggregate: the aggregate's id.
        decider: the aggregate's decider.
        expected: the aggregate's version before the first decision.
    """

    __slots__ = (
        "_entries", "_ids", "_known", "_lasting", "_retries", "_tries", "aggregate", "current",
        "decider", "events", "expected", "flight", "size", "tasks", "written",
    )  # fmt: skip

    def __init__(
        self, flight: Flight, aggregate: AggregateId, decider: AnyDecider, expected: int
    ) -> None:
        self.flight = flight
        self.aggregate = aggregate
        self.decider = decider
        self.expected = expected
        self.tasks: list[Task] = []
        """The decided commands, in order, with previews."""
        self.events = 0
        """How many events the turn has."""
        self.size = 0
        """About how many bytes the turn takes, and `LEAST_BYTES` more for each command."""
        self.written: Turn | None = None
        """The turn for the journal, set by `close`; None if all are previews."""
        self.current = False
        """Whether the turn is in the air. Only its flight sets this."""
        self._entries: list[bytes] = []
        self._retries: list[int] = []
        self._ids: set[str] | None = None  # of the entries at the last `holds`
        self._lasting = 0  # after the last event
        self._known: int | None = None
        self._tries = False  # whether some of the tasks are previews

    # --- while its actor decides ----------------------------------------------------------------

    @property
    def stored(self) -> Sequence[Task]:
        """The commands that have an entry in the turn for the journal, in order."""
        return [task for task in self.tasks if not task.preview] if self._tries else self.tasks

    @property
    def stores(self) -> bool:
        """Whether the turn has entries for the journal."""
        return bool(self._entries)

    def holds(self, command_id: str) -> bool:
        """Whether an entry of the turn has this command id."""
        if self._ids is None:  # made late: most senders give no ids
            self._ids = set()
        self._ids.update([task.id for task in self.stored[len(self._ids) :]])
        return command_id in self._ids

    def add_preview(self, task: Task) -> None:
        """Add a command that was only tried."""
        self.tasks.append(task)
        self._tries = True

    def add(self, task: Task, entry: bytes) -> None:
        """Add the next decision, with its packed entry."""
        if task.retry:
            self._retries.append(len(self._entries))
        self.tasks.append(task)
        self._entries.append(entry)
        self.size += LEAST_BYTES + len(entry)
        if task.events:
            self.events += len(task.events)
            self._lasting = 0

    def depend(self, known: int) -> None:
        """Note that the next decision depends on the aggregate's lasting records: so many."""
        if self._known is None and not self.events:
            self._known = known - self._lasting

    def make_lasting(self) -> None:
        """Let the newest entry, which has no events, become a lasting record."""
        self._lasting += 1

    def close(self, snapshot: Snapshot | None) -> None:
        """End the turn; `snapshot` is of the state after it."""
        if self._entries:
            stored = self.stored
            fields = (
                self.aggregate, self.expected, pack_list(self._entries), tuple(map(_id, stored)),
                self.events, stored[-1].time, self._retries, self._lasting, self._known, snapshot,
                self._kinds(stored),
            )  # fmt: skip
            self.written = filled(Turn, fields)

    def _kinds(self, stored: Sequence[Task]) -> Mapping[EventKind, int]:
        """Count the events of each kind, so that the journal need not unpack them."""
        decider = self.decider
        if self.events == 1 == len(stored):
            return decider.one_event[type(stored[0].events[0])]
        counts = Counter(map(type, chain.from_iterable(map(_events, stored))))
        return {decider.kinds[kind]: many for kind, many in counts.items()}

    # --- once it is durable ---------------------------------------------------------------------

    def answers(self, stored: Stored | None) -> list[tuple[Task, Answer | ComityError | int]]:
        """Return the answer to each command; `stored` is None if all are previews.

        One number is the answer to all commands that are not refused: by how much the turn's
        positions are ahead of the aggregate's versions. A task makes its receipt of it.
        """
        ahead = 0 if stored is None else stored.position - stored.version
        return [(task, ahead if task.own is None else task.own) for task in self.tasks]
