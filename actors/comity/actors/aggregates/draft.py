"""A turn while its actor decides it: what the commands came to, and what of it is to be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from comity.engine.journal.turn import Entry, Turn

if TYPE_CHECKING:
    from comity.actors.aggregates.decided import Decided
    from comity.actors.aggregates.task import Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.snapshot import Snapshot

MOST_BYTES: Final = 1 << 18
"""Where a turn ends that has grown large: 256 KiB. Some logs take no message above 1 MiB."""


class Draft:
    """What an actor has decided so far, since the aggregate's version was `expected`."""

    __slots__ = ("_expected", "_ids", "decided", "size")

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._ids: set[str] = set()
        self.decided: list[Decided] = []
        self.size = 0
        """About how many bytes it takes in the journal."""

    @property
    def stores(self) -> bool:
        """Whether something of it is to be stored."""
        return bool(self._ids)

    def takes(self, task: Task) -> bool:
        """Whether the command may be in this turn, too: the ids in one differ."""
        return self.size <= MOST_BYTES and task.pending.id not in self._ids

    def add(self, one: Decided) -> None:
        """This was decided next."""
        self.decided.append(one)
        if one.entry is not None:
            self._ids.add(one.entry.command_id)
            self.size += _size(one.entry)

    def written(self, aggregate: AggregateId, snapshot: Snapshot | None) -> Turn | None:
        """What goes to the journal; None where all are previews."""
        entries = tuple([one.entry for one in self.decided if one.entry is not None])
        if not entries:
            return None
        return Turn(aggregate, self._expected, entries, self._known(), snapshot)

    def _known(self) -> int | None:
        """How many lasting records the turn rests on, without its own."""
        own = 0
        for one in self.decided:
            if one.known is not None:
                return one.known - own
            if one.events:
                return None
            own += one.entry is not None and one.entry.lasting
        return None


def _size(entry: Entry) -> int:
    return len(entry.note) + sum([len(event.data) for event in entry.events])
