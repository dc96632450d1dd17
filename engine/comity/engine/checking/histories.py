"""Histories of a journal's aggregates, for a survey of footprints."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from comity.engine.checking.footprints import Step
from comity.engine.history.history import recorded
from comity.engine.merging.command import Command, dependencies_of
from comity.engine.messages.footprint import Footprint, Hole, Path, Pattern
from comity.engine.messages.message import Event, footprint_of, names_of, patterns_of

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.decider import Decider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


def recorded_history(
    decider: Decider[S, C, E], journal: Journal, aggregate: AggregateId, most: int
) -> Iterator[Step[E]]:
    """Yield the first events of an aggregate, at most `most`.

    Raises:
        UnreadableEvent: an event cannot be loaded.
    """
    kinds = {name: kind for kind in decider.commands for name in names_of(kind)}
    found = (one for record in journal.read(aggregate, 0) for one in recorded(decider, record))
    for one in islice(found, most):
        paths = _footprint(kinds.get(one.command), one.event)
        yield Step(one.event, one.at, one.command, one.command_id, paths)


def _footprint(kind: type[Command] | None, event: Event) -> Footprint:
    """Return what the event's command touched or depended on, as far as it can be known.

    A journal keeps the class of a command, and not its fields. Most of them are the event's too;
    where one is not, the path ends before it, which touches more.
    """
    if kind is None:
        return footprint_of(event)
    patterns = (*patterns_of(kind), *dependencies_of(kind))
    ours = (_filled(pattern, event) for pattern in patterns)
    return tuple(dict.fromkeys((*footprint_of(event), *ours)))


def _filled(pattern: Pattern, event: Event) -> Path:
    path: list[object] = []
    for part in pattern:
        if isinstance(part, Hole):
            if part.field not in type(event).model_fields:
                break
            path.append(getattr(event, part.field))
        else:
            path.append(part)
    return tuple(path)
