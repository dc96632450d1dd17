"""Laws of merging: what commutes, and that nobody's change is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from comity.engine.merging.merge import Decision
from comity.engine.merging.report import Outcome
from comity.testing.proving.desk import Broken, Desk, Wish
from comity.testing.proving.law import Law, played
from comity.testing.proving.picture import at, show, told, unlike

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.messages.message import Event
    from comity.testing.proving.picture import Picture, Place
    from comity.testing.proving.play import Play


PAIRS: Final = 3
"""How many pairs of commands are tried on each state."""


def merged_commands_commute(play: Play) -> None:
    """Two people send at once; if the two commands merge in either order, the order is nothing."""
    for one, other in _pairs(play):
        _commute(play.desk, one, other)


def no_change_is_lost(play: Play) -> None:
    """Two people send at once; the state shows what each of them did."""
    for one, other in _pairs(play):
        _both_are_seen(play.desk, one, other)


def _pairs(play: Play) -> Iterator[tuple[Wish, Wish]]:
    """Draw pairs of commands that ann and bob choose on the same state."""
    play.reach()
    for _ in range(PAIRS):
        one = play.accepted("ann")
        other = None if one is None else play.accepted("bob", one)
        if one is not None and other is not None:
            yield one, other


def _commute(desk: Desk, one: Wish, other: Wish) -> None:
    first, second = _after(desk, one, other), _after(desk, other, one)
    if first is None or second is None:
        return
    if not first[1].outcome == second[1].outcome == Outcome.MERGED:
        return
    here, there = first[0].picture(), second[0].picture()
    if unlike(here, there):
        desk.steps[:] = first[0].steps
        how = told(here, there, ("then", "if bob is first"))
        raise Broken(f"By the matrix the two merge, and the order makes a difference: {how}.")


def _after(desk: Desk, one: Wish, other: Wish) -> tuple[Desk, Decision[Command, Event]] | None:
    """Let two people who see the same send one after the other; None unless both are accepted."""
    branch, seen = desk.branch(), desk.version
    branch.send(one, seen)
    answer = branch.send(other, seen)
    if isinstance(answer, Decision) and answer.events:
        return branch, answer
    return None


def _both_are_seen(desk: Desk, one: Wish, other: Wish) -> None:
    both = _after(desk, one, other)
    if both is None or not _keeps(desk, both[1], other):
        return
    before, after = desk.picture(), both[0].picture()
    by_ann, by_bob = _alone(desk, one), _alone(desk, other)
    same = both[1].command == other.command
    for who, mine, theirs in (("ann", by_ann, by_bob), ("bob", by_bob, by_ann)):
        if who == "bob" and not same:  # its rule has changed the command, and so its change
            continue
        for place in _lost(before, mine, theirs, after):
            desk.steps[:] = both[0].steps
            raise Broken(
                f"What {who} did cannot be seen: {show(place)} is {at(after, place)}, as if "
                f"{who} had done nothing; {who}'s command alone makes it {at(mine, place)}."
            )


def _lost(before: Picture, mine: Picture, theirs: Picture, after: Picture) -> Iterator[Place]:
    """Yield the places where my change cannot be seen after both."""
    for place in unlike(before, mine):
        gone = mine.get(place) != theirs.get(place) == after.get(place)
        filled = EMPTY not in {before.get(place), mine.get(place)}
        if gone and filled and not _both_made_it(place, before, mine, theirs, after):
            yield place


def _both_made_it(
    place: Place, before: Picture, mine: Picture, theirs: Picture, after: Picture
) -> bool:
    """Whether both made the record that this place is in, and mine can be seen elsewhere in it.

    Then what my command set here was the first value of a new record, such as an empty title.
    """
    if place in before or place not in theirs:
        return False
    if mine[place] in NOTHING:
        return True
    sizes = range(1, len(place) + 1)
    size = next(size for size in sizes if not any(one[:size] == place[:size] for one in before))
    record = [one for one in mine if one[:size] == place[:size]]
    return any(mine[one] != theirs.get(one) and mine[one] == after.get(one) for one in record)


def _alone(desk: Desk, wish: Wish) -> Picture:
    branch = desk.branch()
    branch.send(wish)
    return branch.picture()


def _keeps(desk: Desk, decision: Decision[Command, Event], wish: Wish) -> bool:
    """Whether the changes of both must be seen: no rule was asked that may replace the other's."""
    rule = decision.report.rule if decision.report else None
    if rule is None:
        return decision.outcome == Outcome.MERGED
    if type(wish.command) in desk.subject.overwrites:
        return False
    return rule != "overwrite" and not rule.startswith("transform(")


EMPTY: Final = "{}"
"""Whether a dict is empty is up to both: one may empty it while the other fills it."""

NOTHING: Final = frozenset(map(repr, ("", 0, 0.0, False, None, [], (), set[str]())))
"""Values with which the fields of a new record begin."""

LAWS: Final[tuple[Law, ...]] = (
    played(
        "merged-commands-commute",
        "commands that merge commute",
        merged_commands_commute,
    ),
    played(
        "no-change-is-lost",
        "after a merge each person's change can be seen, unless a rule dropped it",
        no_change_is_lost,
    ),
)
