"""The matrix: from the classes alone, what merges, what commutes and what clashes."""

from __future__ import annotations

import dataclasses
import json

import pytest
from tests.support.party import (
    Chip,
    Chipped,
    Invite,
    Party,
    Rename,
    Renamed,
    Seat,
    Seated,
    SetPlace,
    SetTheme,
    Spend,
    Spent,
    ThemeSet,
    Toast,
    Toasted,
    Uninvite,
    Uninvited,
    party,
)

from comity.engine import Command, Decider, Event, Footprint, Meeting, matrix

table = matrix(party)


@pytest.mark.parametrize(
    ("command", "event", "told"),
    [
        (Rename, Renamed, "reject at guest/{guest}/name"),
        (Rename, ThemeSet, "merges"),
        (Rename, Seated, "merges"),
        (Rename, Toasted, "merges"),
        (Toast, Renamed, "reject at guest/{guest}/name"),
        (Uninvite, Renamed, "reject at guest/{guest}/name"),
        (Seat, Uninvited, "Seat.on_conflict at guest/{guest}/seat"),
        (Seat, Seated, "Seat.on_conflict at seats"),
        (SetTheme, ThemeSet, "overwrite at theme"),
        (SetPlace, ThemeSet, "merges"),
        (Chip, Chipped, "commutes, else reject at kitty"),
        (Spend, Chipped, "commutes, else reject at kitty"),
        (Chip, Spent, "commutes, else reject at kitty"),
        (Spend, Spent, "commutes, else reject at kitty"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_it_says_what_a_command_meets_and_where_the_fewest_fields_need_be_equal(
    command: type[Command], event: type[Event], told: str
) -> None:
    assert str(table.cell(command, event)) == told


def test_it_has_a_cell_for_every_command_and_event() -> None:
    pairs = [(cell.command, cell.event) for cell in table.cells]
    assert pairs == [(command, event) for command in table.commands for event in table.events]
    assert len(pairs) == len(party.commands) * len(party.events) == 81


def test_it_is_data() -> None:
    cell = json.loads(json.dumps(dataclasses.asdict(table)))["cells"][1]
    assert cell == {
        "command": "Invite",
        "event": "Renamed",
        "meeting": "clashes",
        "path": "guest/{guest}/name",
        "rule": "reject",
    }


def test_it_is_a_table() -> None:
    lines = str(table).splitlines()
    assert len(lines) == 1 + len(table.commands)
    assert lines[0].split() == list(table.events)
    assert lines[1].startswith("Invite")
    assert all(line == line.rstrip() for line in lines)


def test_asking_for_what_is_not_there_says_so() -> None:
    class Other(Command):
        pass

    with pytest.raises(KeyError, match="party has no Other or no Renamed"):
        table.cell(Other, Renamed)


class Sort(Command):
    def footprint(self) -> Footprint:
        return (("cards",),)


class Sorted(Event):
    touches = ()


class Cleared(Event):
    stored_as = "AllCleared"


def sort(state: Party, command: Sort | Invite) -> tuple[Sorted]:
    """Sorts."""
    return (Sorted(),)


def keep(state: Party, event: Sorted | Cleared) -> Party:
    """The same party."""
    return state


def test_a_computed_footprint_may_overlap_everything_that_is_touched() -> None:
    told = matrix(Decider("sorting", Party, sort, keep))
    assert told.cell(Sort, Cleared).meeting is Meeting.CLASHES
    assert told.cell(Sort, Sorted).meeting is Meeting.MERGES
    assert told.cell(Sort, Cleared).path == "{*}"


def test_events_are_called_by_their_stored_names() -> None:
    told = matrix(Decider("sorting", Party, sort, keep))
    assert told.events == ("Sorted", "AllCleared")
    assert told.cell(Invite, Cleared).path == "guest/{guest}/name"
