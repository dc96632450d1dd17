"""The matrix: whether each command class merges or clashes with each event class.

The command line and tests use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from comity.engine.merging.command import Command, dependencies_of
from comity.engine.messages.footprint import Hole, Path, Pattern, may_overlap, show
from comity.engine.messages.message import Event, may_commute, patterns_of

if TYPE_CHECKING:
    from comity.engine.merging.decider import Decider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Meeting(StrEnum):
    """What happens when a command meets an event that its sender had not seen."""

    MERGES = "merges"
    """They never overlap."""
    COMMUTES = "commutes"
    """They may overlap, but the command merges if all its events commute with this event."""
    CLASHES = "clashes"
    """They may overlap; if they do, the command's conflict rule decides."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What happens between one command class and one event class."""

    command: str
    event: str
    meeting: Meeting
    path: str | None
    """Where they overlap, with the fields that must be equal in braces; None if they never do."""
    rule: str | None
    """The conflict rule that decides if they clash; None if they never overlap."""

    def __str__(self) -> str:
        match self.meeting:
            case Meeting.MERGES:
                return "merges"
            case Meeting.COMMUTES:
                return f"commutes, else {self.rule} at {self.path}"
            case Meeting.CLASHES:
                return f"{self.rule} at {self.path}"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table of every command and every event of a decider."""

    decider: str
    commands: tuple[str, ...]
    events: tuple[str, ...]
    cells: tuple[Cell, ...]
    """Row by row, in the order of `commands` and `events`."""

    def cell(self, command: type[Command], event: type[Event]) -> Cell:
        """Return the cell of a command and an event.

        Raises:
            KeyError: the decider has no such command or event.
        """
        for cell in self.cells:
            if (cell.command, cell.event) == (command.stored_as, event.stored_as):
                return cell
        msg = f"{self.decider} has no {command.stored_as} or no {event.stored_as}"
        raise KeyError(msg)

    def __str__(self) -> str:
        """The matrix as a plain table."""
        rows = [["", *self.events]]
        for start, command in enumerate(self.commands):
            row = self.cells[start * len(self.events) : (start + 1) * len(self.events)]
            rows.append([command, *map(str, row)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def matrix(decider: Decider[S, C, E]) -> Matrix:
    """Compute from the classes which commands and events of the decider merge, commute or clash.

    Example:
        assert matrix(board).cell(RenameCard, CardMoved).meeting is Meeting.MERGES
    """
    return Matrix(
        decider=decider.name,
        commands=tuple(kind.stored_as for kind in decider.commands),
        events=tuple(kind.stored_as for kind in decider.events),
        cells=tuple(
            _cell(decider, command, event)
            for command in decider.commands
            for event in decider.events
        ),
    )


def _cell(decider: Decider[S, C, E], command: type[C], event: type[E]) -> Cell:
    rule = decider.rules[command].name
    if decider.whole:
        return Cell(command.stored_as, event.stored_as, Meeting.CLASHES, show(()), rule)
    rests = _where(dependencies_of(command), patterns_of(event))
    touches = _where(patterns_of(command), patterns_of(event))
    if not touches and not rests:
        return Cell(command.stored_as, event.stored_as, Meeting.MERGES, None, None)
    commutes = not rests and any(may_commute(event, other) for other in decider.events)
    kind = Meeting.COMMUTES if commutes else Meeting.CLASHES
    path = show(min(touches or rests, key=_holes))
    return Cell(command.stored_as, event.stored_as, kind, path, rule)


def places(command: type[Command], event: type[Event]) -> tuple[Path, ...]:
    """Return all places where a command and an event may overlap; a cell names one of them."""
    mine, theirs = patterns_of(command), patterns_of(event)
    return _where((*mine, *dependencies_of(command)), theirs)


def _where(ours: Iterable[Pattern], theirs: Iterable[Pattern]) -> tuple[Path, ...]:
    """Return all places where the patterns may overlap."""
    return tuple(
        one if len(one) >= len(other) else other
        for one in ours
        for other in theirs
        if may_overlap(one, other)
    )


def _holes(pattern: Path) -> int:
    return sum(isinstance(part, Hole) for part in pattern)
