"""Versions of a copy and of its original: translated as one would by looking at each event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comity.engine import AggregateId
from comity.evolution.copying.versions import Versions

A, B, C = (AggregateId("board", key) for key in "abc")
Step = tuple[AggregateId, int, dict[AggregateId, int]]
"""An aggregate of the original, how many events it gets, and what the copy has instead."""

steps = st.tuples(
    st.sampled_from([A, B]),
    st.integers(1, 3),
    st.dictionaries(st.sampled_from([A, B, C]), st.integers(0, 3)) | st.none(),
).map(lambda drawn: (drawn[0], drawn[1], drawn[2] or {drawn[0]: drawn[1]}))


@given(st.lists(steps, max_size=30))
def test_a_version_becomes_that_of_the_same_moment(story: list[Step]) -> None:
    versions, old, new = Versions(), dict.fromkeys([A, B], 0), dict.fromkeys([A, B, C], 0)
    moments: list[tuple[AggregateId, int, AggregateId, int]] = []
    for source, events, instead in story:
        same = instead == {source: events}
        if not (same and versions.keep(source, old[source], events)):
            for target, many in instead.items():
                versions.move(source, old[source], events, target, many)
        old[source] += events
        for target, many in instead.items():
            new[target] += many
            moments.append((source, old[source], target, new[target]))
    assert {each: versions.now(each) for each in new} == new
    for source, version, target, there in moments:
        assert versions.of(source, target, version) == there


def test_a_version_inside_a_split_shows_no_more_than_was_there() -> None:
    versions = Versions()
    versions.move(A, 0, 2, A, 5)  # two events became five
    versions.move(A, 2, 3, A, 1)  # three events became one
    assert [versions.of(A, A, version) for version in range(6)] == [0, 1, 5, 6, 6, 6]


def test_an_aggregate_that_others_move_into_is_no_longer_the_same() -> None:
    versions = Versions()
    assert versions.keep(A, 0, 3)
    versions.move(B, 0, 1, A, 1)
    assert not versions.keep(A, 3, 1)
    versions.move(A, 3, 1, A, 1)
    assert [versions.of(A, A, version) for version in range(5)] == [0, 1, 2, 3, 5]
    assert versions.of(B, A, 1) == 4
