"""Counts name the place that the report names, with the names of fields for their values."""

from __future__ import annotations

import pytest

from comity.engine import Command, Event, Footprint, Key
from comity.engine.merging.clash_places import clash_place
from comity.engine.merging.report import Change


class Move(Command):
    card: Key[str]
    source: str
    target: str
    touches = ("lists/{source}", "lists/{target}")


class Remove(Command):
    card: Key[str]
    touches = "card/{card}"


class Note(Command):
    card: Key[str]
    text: str
    touches = "notes/{card}"
    depends_on = "card/{card}/title"


class Rests(Command):
    card: Key[str]
    touches = ()
    depends_on = "card/{card}/title"


class Computed(Command):
    cards: tuple[str, ...]

    def footprint(self) -> Footprint:
        return tuple(("card", card) for card in self.cards)


class Renamed(Event):
    card: Key[str]
    title: str


class Sorted(Event):
    name: Key[str]
    touches = "lists/{name}"


class Cleared(Event):
    card: Key[str]
    touches = ("notes/{card}", "card/{card}/title")


class Wiped(Event):
    """Touches everything."""


class Spotless(Command):
    """Touches everything, too."""


EVENTS = (Renamed, Sorted, Cleared, Wiped)


def change(event: type[Event], path: str) -> Change:
    return Change(version=3, event=event.stored_as, who="bob", path=path)


PLACES: list[tuple[Command, type[Event], str, str]] = [
    (Move(card="c", source="a", target="b"), Sorted, "lists/a", "lists/{source}"),
    (Move(card="c", source="a", target="b"), Sorted, "lists/b", "lists/{target}"),
    (Remove(card="c"), Renamed, "card/c/title", "card/{card}/title"),
    (Remove(card="c/d"), Renamed, "card/c/d/title", "card/{card}/title"),
    (Note(card="c", text="t"), Cleared, "notes/c", "notes/{card}"),
    (Note(card="c", text="t"), Cleared, "card/c/title", "card/{card}/title"),
    (Note(card="c/d", text="t"), Cleared, "card/c/d/title", "card/{card}/title"),
    (Rests(card="c"), Renamed, "card/c/title", "card/{card}/title"),
    (Computed(cards=("c",)), Renamed, "card/c/title", "card/{card}/title"),
    (Spotless(), Wiped, "/", "/"),
    (Spotless(), Renamed, "card/c/title", "card/{card}/title"),
]


@pytest.mark.parametrize(("command", "event", "path", "place"), PLACES)
def test_a_place_is_the_path_of_the_report_with_names_for_values(
    command: Command, event: type[Event], path: str, place: str
) -> None:
    assert clash_place(command, change(event, path), EVENTS) == place


def test_an_event_class_that_nobody_knows_has_a_place_as_well() -> None:
    unknown = Change(version=3, event="Vanished", who="bob", path="card/c")
    assert clash_place(Remove(card="c"), unknown, EVENTS) == "card/{card}"


def test_a_path_that_was_cut_has_a_place_as_well() -> None:
    cut = "notes/" + "c" * 150 + "..."
    assert clash_place(Note(card="c" * 200, text="t"), change(Cleared, cut), EVENTS)
