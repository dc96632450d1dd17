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


class Asked(Places):
    """Counts how often it is asked."""

    times = 0

    def meetings(self, ours: Footprint, since: Sequence[Happened[Event]]) -> dict[int, Path]:
        self.times += 1
        return super().meetings(ours, since)


@given(st.lists(FOOTPRINTS, min_size=1, max_size=12), FOOTPRINTS, st.sets(st.integers(1, 12)))
def test_since_gives_what_comparing_one_by_one_gives_whether_it_has_an_index_or_not(
    history: list[Footprint], ours: Footprint, own: set[int]
) -> None:
    events, places = happened(*history), Asked()
    expected = [(version, at) for version, at in one_by_one(ours, events) if version not in own]
    versions = sorted(own)
    assert list(Since(events).meetings(ours, versions).items()) == expected
    assert list(Since(events, places).meetings(ours, versions).items()) == expected
    assert places.times == (len(events) >= Since.MANY)


@given(st.lists(st.sampled_from(["", "ann's", "bob's"]), min_size=1, max_size=20), st.data())
def test_since_knows_which_events_a_session_caused(
    sessions: list[str], data: st.DataObject
) -> None:
    events, places, now = happened(*[(("a",),)] * len(sessions)), Places(), 0
    for one, session in zip(events, sessions, strict=True):
        one.session = session
    for session in ("ann's", "bob's", "nobody's", ""):
        now = data.draw(st.integers(now, len(events)))
        since = events[data.draw(st.integers(0, now)) : now]
        own = [one.version for one in since if session and one.session == session]
        assert list(Since(since, places).of(session)) == own
        assert list(Since(since).of(session)) == own


class Odd(Event):
    """Says that it touches what cannot be looked up, or fails to say anything."""

    fails: bool

    def footprint(self) -> Footprint:
        if self.fails:
            raise KeyError("lost")
        return (("a", ["list"]),)


def test_footprints_that_no_place_can_be_found_for_are_compared_one_by_one() -> None:
    events, places, odd = happened(*[(("a",),)] * 20), Places(), Odd(fails=False)
    events[10] = Happened(11, odd, "bob", "")
    met = dict.fromkeys(range(1, 21), ("a",)) | {11: ("a", ["list"])}
    assert Since(events, places).meetings((("a",),)) == met
    assert Since(events[:10], places).meetings((("a", ["list"]),)) == dict.fromkeys(
        range(1, 11), ("a", ["list"])
    )


def test_a_footprint_that_fails_matters_if_its_event_is_unseen() -> None:
    events, places = happened(*[(("a",),)] * 20), Places()
    events[10] = Happened(11, Odd(fails=True), "bob", "bob's")
    with pytest.raises(KeyError):
        Since(events, places).meetings((("a",),))
    own = Since(events, places).of("bob's")
    assert own == [11]
    met = Since(events, places).meetings((("a",),), own)
    assert list(met) == [*range(1, 11), *range(12, 21)]


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
