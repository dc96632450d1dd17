"""Templates of the paths where commands clashed, for statistics: they count clashes by template.

A template has field names instead of values, since the number of values has no limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from comity.engine.merging.command import Command, dependencies_of
from comity.engine.messages.footprint import Hole, Pattern, may_overlap, show
from comity.engine.messages.message import Event, patterns_of

if TYPE_CHECKING:
    from comity.engine.merging.report import Change

_Place: TypeAlias = tuple[Pattern, bool]
"""A pattern where a command and an event may overlap, and whether it is the command's."""


def clash_places(
    command: Command, changes: Iterable[Change], events: Iterable[type[Event]]
) -> set[str]:
    """Return the templates of all places where a command clashed; see `clash_place`."""
    # Most of a command's clashes are events of one class at one path.
    different = {(change.event, change.path): change for change in changes}
    return {clash_place(command, change, events) for change in different.values()}


def clash_place(command: Command, change: Change, events: Iterable[type[Event]]) -> str:
    """Return the template of the path in a report's change, such as `card/{card}/title`.

    The template is the command's, or the event's if that is longer, as in the report.

    Args:
        command: the command that clashed.
        change: the event that it clashed with, from the command's report.
        events: the event classes of the decider.
    """
    if change.path == show(()):  # the whole aggregate, also by `whole_aggregate`
        return show(())
    event = next((kind for kind in events if kind.stored_as == change.event), None)
    places = _places(type(command), event)
    if len(places) > 1 and change.path is not None:
        for hole in ("[^/]*", ".*"):  # a key may have a / in it
            for pattern, ours in places:
                expression = _expression(pattern, command if ours else None, hole)
                if re.fullmatch(expression, change.path, re.DOTALL):
                    return show(pattern)
    return show(places[0][0]) if places else "*"


@lru_cache(maxsize=4096)
def _places(command: type[Command], event: type[Event] | None) -> Sequence[_Place]:
    theirs = ((Hole("*"),),) if event is None else patterns_of(event)
    return list(
        dict.fromkeys(
            (one, True) if len(one) >= len(other) else (other, False)
            for one in (*patterns_of(command), *dependencies_of(command))
            for other in theirs
            if may_overlap(one, other)
        )
    )


def _expression(pattern: Pattern, command: Command | None, hole: str) -> str:
    """Make a regular expression of a pattern; a command's own pattern gets its fields' values."""
    parts: list[str] = []
    for part in pattern:
        value = getattr(command, part.field, None) if isinstance(part, Hole) else part
        parts.append(hole if value is None else re.escape(str(value)))
    return "/".join(parts) or "/"
