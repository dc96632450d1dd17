"""Decisions as a journal takes them, in turns, and back. The committer uses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Entry, Turn

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Decided

MOST_BYTES: Final = 1 << 18
"""Where a turn ends that has grown large: 256 KiB. Some logs take no message above 1 MiB."""


class Batch(NamedTuple):
    """What one actor decided in one go."""

    decided: Sequence[Decided]
    turn: Turn | None
    """What of it goes to the journal; None where all are previews."""

    def each(self, stored: Stored | None) -> Iterator[tuple[Decided, Stored | None]]:
        """Each decision with where it is stored; None for a preview."""
        if self.turn is None or stored is None:
            yield from ((one, None) for one in self.decided)
            return
        version, position = self.turn.expected, stored.position - self.turn.events
        for one in self.decided:
            if one.entry is None:
                yield one, None
            else:
                version += len(one.events)
                position += len(one.events)
                yield one, Stored(version, position)


def batches(group: Iterable[Decided]) -> list[Batch]:
    """Decisions in order, cut where the next one is another actor's, or may not be in the turn."""
    found: list[Batch] = []
    run: list[Decided] = []
    ids: set[str] = set()
    size = 0
    for one in group:
        entry = one.entry
        if run and (
            one.actor is not run[0].actor
            or (entry is not None and (size > MOST_BYTES or entry.command_id in ids))
        ):
            found.append(Batch(run, _turn(run)))
            run, size = [], 0
            ids.clear()
        run.append(one)
        if entry is not None:
            ids.add(entry.command_id)
            size += size_of(entry)
    if run:
        found.append(Batch(run, _turn(run)))
    return found


def size_of(entry: Entry) -> int:
    """About how many bytes it takes."""
    return len(entry.note) + sum([len(event.data) for event in entry.events])


def _turn(run: Sequence[Decided]) -> Turn | None:
    stored = [one for one in run if one.entry is not None]
    if not stored:
        return None
    entries = tuple([one.entry for one in stored if one.entry is not None])
    return Turn(stored[0].actor.id, stored[0].version, entries, _known(stored))


def _known(run: Iterable[Decided]) -> int | None:
    """How many lasting records the turn rests on, without its own."""
    own = 0
    for one in run:
        if one.known is not None:
            return one.known - own
        if one.events or one.entry is None:
            return None
        own += one.entry.lasting
    return None
