"""Places give the same clashes as comparing footprints one by one, only sooner."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.party import (
    Invited,
    Party,
    PartyCommand,
    PartyEvent,
    Rename,
    Renamed,
    party,
)

from comity.engine import Event, Footprint, Happened, Path, Refused, Sent, merge
from comity.engine.merging.places import Places
from comity.engine.merging.since import Since
from comity.engine.messages.footprint import meeting

PATHS = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
FOOTPRINTS = st.lists(PATHS, max_size=3).map(tuple)


class Touched(Event):
    """Something happened at these places."""

    places: tuple[tuple[str, ...], ...]

    def footprint(self) -> Footprint:
        return self.places


def happened(*places: Footprint, after: int = 0) -> list[Happened[Event]]:
    """An event for each of these footprints."""
    return [
        Happened(version, make(footprint), "bob", "")
        for version, footprint in enumerate(places, after + 1)
    ]


def make(footprint: Footprint) -> Touched:
    """An event that touches these places."""
    return Touched.model_validate({"places": footprint})


def one_by_one(ours: Footprint, since: list[Happened[Event]]) -> list[tuple[int, Path]]:
    """What meets where, found the slow way."""
    met = [(one.version, meeting(ours, one.paths)) for one in since]
    return [(version, path) for version, path in met if path is not None]


@given(
    st.lists(FOOTPRINTS, min_size=1, max_size=12),
    st.lists(st.tuples(FOOTPRINTS, st.integers(0, 11), st.integers(1, 12)), max_size=8),
)
def test_whoever_asks_gets_what_comparing_one_by_one_gives(
    history: list[Footprint], asked: list[tuple[Footprint, int, int]]
) -> None:
    events, places, now = happened(*history), Places(), 0
    for ours, seen, more in asked:
        now = min(now + more, len(events))
        since = events[seen:now]
        if since:
            assert list(places.meetings(ours, since).items()) == one_by_one(ours, since)


def test_another_history_with_the_same_versions_is_not_mixed_up_with_the_first() -> None:
    places = Places()
    first, second = happened((("a",),), (("b",),)), happened((("b",),), (("b",),))
    assert places.meetings((("a",),), first) == {1: ("a",)}
    assert places.meetings((("a",),), second) == {}


def test_few_events_are_compared_one_by_one() -> None:
    events = happened(*[(("a",),)] * Since.MANY)
    assert Since(events, Places()).meetings((("a",),)) == dict.fromkeys(range(1, 9), ("a",))
    assert Since(events[1:], Places()).meetings((("a",),)) is None


class Odd(Event):
    """Says that it touches what cannot be looked up, or fails to say anything."""

    fails: bool

    def footprint(self) -> Footprint:
        if self.fails:
            raise KeyError("lost")
        return (("a", ["list"]),)


@pytest.mark.parametrize("odd", [Odd(fails=True), Odd(fails=False)], ids=repr)
def test_footprints_that_no_place_can_be_found_for_are_compared_one_by_one(odd: Odd) -> None:
    events, places = happened(*[(("a",),)] * 20), Places()
    events[10] = Happened(11, odd, "bob", "")
    assert Since(events, places).meetings((("a",),)) is None
    assert Since(events[:10], places).meetings((("a",),)) == dict.fromkeys(range(1, 11), ("a",))
    assert Since(events[:10], places).meetings((("a", ["list"]),)) is None


@given(st.lists(st.tuples(st.sampled_from(["g1", "g2", "g3"]), st.booleans()), min_size=8))
def test_a_command_is_merged_the_same_either_way(done: list[tuple[str, bool]]) -> None:
    events = [
        Happened[PartyEvent](4 + version, Renamed(guest=guest, name="B"), "bob", "a" if own else "")
        for version, (guest, own) in enumerate(done)
    ]
    known = [Invited(guest=guest, name="A") for guest in ("g1", "g2", "g3")]
    state = party.fold(Party(), [*known, *(one.event for one in events)])
    for command in (Rename(guest="g1", name="C"), Rename(guest="g2", name="B")):

        def merged(
            since: Sequence[Happened[PartyEvent]], command: PartyCommand = command
        ) -> object:
            try:
                return merge(party, state, 3 + len(events), command, Sent("", "a", 3), since)
            except Refused as refusal:
                return str(refusal), refusal.report

        assert merged(Since(events, Places())) == merged(events)
