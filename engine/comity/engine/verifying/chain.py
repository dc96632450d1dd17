"""Chooses for each number the commit that belongs to the journal. `salvage` uses it.

What the tree of commits names belongs to it. Else the heads decide: each has the checksum of the
head before it. A commit that is not where LMDB puts values belongs to it only if a neighbour says
so, since a text in an event may look like a commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from comity.engine import formats
from comity.engine.journal.commit_head import NO_COMMIT, CommitHead
from comity.engine.verifying.raw_commits import Place


class Chosen(NamedTuple):
    """A commit of the journal, and all places where it, or a part of it, may be read."""

    head: CommitHead | None
    """None: it is not what was written."""
    format: int
    places: list[Place]


def choose(
    places: Iterable[Place], listed: Mapping[int, CommitHead | None], last: int | None
) -> dict[int, Chosen]:
    """Return the commits of the journal by their numbers, in order.

    Args:
        places: all that were found.
        listed: the numbers that the tree names, with their heads; None as the head: it is not what
            was written.
        last: the last number that the journal has, if that is known.
    """
    found: defaultdict[int, list[Place]] = defaultdict(list)
    for place in places:
        if place.number > 0 and (last is None or place.number <= last):
            found[place.number].append(place)
    chosen: dict[int, Chosen] = {}
    for number in sorted(found):
        one = chosen.get(number - 1)
        before = NO_COMMIT if number == 1 else one.head if one else None
        after = {one.head.previous for one in found.get(number + 1, ()) if one.head}
        here = found[number]
        head = _best(here, listed.get(number), before, after)
        same = [one for one in here if one.head is not None and one.head == head]
        torn = [one for one in here if one.head is None]
        format_ = same[0].format if same else formats.COMMIT
        chosen[number] = Chosen(head, format_, same + _before(here, head) + torn)
    return chosen


def _before(places: list[Place], head: CommitHead | None) -> list[Place]:
    """Where the commit is as it was before or after records were dropped from it."""
    found = [one for one in places if one.head is not None and one.head != head]
    return [one for one in found if head is not None and one.head and one.head.crc == head.crc]


def _best(
    places: list[Place], listed: CommitHead | None, before: CommitHead | None, after: set[int]
) -> CommitHead | None:
    sound = [(one.head, one.searched) for one in places if one.head is not None]
    ranked: list[tuple[bool, int, bool, int, CommitHead]] = []
    for head, searched in sound:
        links = (before is not None and head.previous == before.crc) + (head.crc in after)
        named = head == listed
        if named or links or not searched:
            ranked.append((named, links, not searched, head.time, head))
    return max(ranked)[-1] if ranked else None
