"""The cards of the page: of each merge what both sides did, and what became of it.

They say what git, comity and the people made of it, for people who know git.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from examples.git_merges.domain import TakeId
from examples.git_merges.merges import shared_ids
from examples.git_merges.play import Answer, Played
from examples.git_merges.report import (
    count,
    differences,
    name_of,
    names,
    near,
    people_later,
    phrase,
)

from comity.engine import Outcome
from comity.engine.text import printable
from comity.simulation.telling.markup import Content, Html, element, joined
from comity.simulation.telling.page import terms

MOST: Final = 6
"""The most commands that are shown for one side."""
MOST_DIFFERENCES: Final = 4


def silent_card(one: Played, played: Sequence[Played]) -> Html:
    how = _git_stopped(one) if one.merge.git_stopped else "merged without a word"
    return _card(
        one,
        ([answer for answer in one.first if _takes_taken(answer, one)],
         [answer for answer in one.second if isinstance(answer.command, TakeId)]),
        [
            ("git", f"{how}: {_twice(one)}."),
            ("comity", _moved(one)),
            ("people", _repaired(one, played)),
        ],
    )  # fmt: skip


def _twice(one: Played) -> str:
    """Which ids two languages have after git's merge, or would have had."""
    shared = shared_ids(one.merge.people)
    if shared:
        some = [f"{number} is the id of {_both(names)}" for number, names in shared.items()]
        return f"afterwards {' and '.join(some)}"
    holders = {
        answer.command.number: answer.command.language
        for answer in one.first
        if isinstance(answer.command, TakeId)
    }
    wanted = [
        f"{moved.wanted} would be the id of {_both([holders[moved.wanted], moved.language])}"
        for moved in one.moved_ids
        if moved.wanted in holders
    ]
    return " and ".join(wanted) or "an id that ours took was taken already"


def _both(languages: Iterable[str]) -> str:
    return " and ".join(map(printable, languages))


def _takes_taken(answer: Answer, one: Played) -> bool:
    wanted = {moved.wanted for moved in one.moved_ids}
    return isinstance(answer.command, TakeId) and answer.command.number in wanted


def _moved(one: Played) -> Html:
    return joined(
        part
        for moved in one.moved_ids
        for part in (
            element("b", f"{printable(moved.language)} got {moved.got}"),
            f", since {moved.wanted} was taken. ",
        )
    )


def _repaired(one: Played, played: Sequence[Played]) -> str:
    said = [
        f"{printable(moved.language)} has {later}"
        for moved in one.moved_ids
        if (later := people_later(moved, one, played)) is not None
    ]
    when = "after a later repair by hand" if shared_ids(one.merge.people) else "in the merge commit"
    return f"{' and '.join(said)} {when}." if said else "nobody repaired it in what is recorded."


# --- stopped for a person ---


def stopped_card(one: Played) -> Html:
    return _card(
        one,
        near(one.first, one.second),
        [
            ("git", f"{_git_stopped(one)}: {_why(one)}."),
            ("comity", _outcomes(one)),
            ("people", _people(one)),
        ],
    )


def _git_stopped(one: Played) -> str:
    return f"stopped at {count(one.merge.git_stopped, 'place')}"


def _why(one: Played) -> str:
    shared = sorted(shared_entries(one), key=str.casefold)
    if shared:
        more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""  # noqa: PLR2004
        return f"both sides changed {', '.join(map(printable, shared[:3]))}{more}"
    if not one.first or not one.second:
        side = "ours" if one.first else "theirs"
        return f"{side} had changed only the layout of the file"
    theirs, ours = near(one.first, one.second)
    beside = [printable(name_of(some[0])) for some in (theirs, ours) if some]
    if len(beside) > 1:
        return f"the lines of {' and '.join(beside)} are next to each other"
    return "lines next to each other were changed"


def _outcomes(one: Played) -> Html:
    if not one.second:
        return Html("ours had nothing left to do.")
    counts = Counter(answer.outcome for answer in one.second)
    told = ", ".join(f"{number:,} {outcome.value}" for outcome, number in counts.items())
    refused = len(one.refused)
    asked = f"{count(refused, 'change')} refused" if refused else "nobody was asked"
    return joined((element("b", f"{asked}: {told}"), " (changes of ours)."))


def _people(one: Played) -> Content:
    if one.same_as_people:
        return element("span", "came to the same result, by hand.", class_="same")
    places = differences(one)
    told = [printable(place) for place in places[:MOST_DIFFERENCES]]
    more = len(places) - len(told)
    if more:
        told.append(f"and {more:,} more")
    return joined(("came to another result: ", "; ".join(told), "."))


def shared_entries(one: Played) -> set[str]:
    return names(one.first) & names(one.second)


# --- what both share ------------------------------------------------------------------------------


def _card(
    one: Played,
    shown: tuple[Sequence[Answer], Sequence[Answer]],
    said: Iterable[tuple[str, Content]],
) -> Html:
    merge = one.merge
    heading = element(
        "h3", element("code", merge.commit[:8]), element("span", f"{merge.time:%d %B %Y}")
    )
    sides = element(
        "div",
        _side("theirs", shown[0], len(one.first), "s3"),
        _side("ours", shown[1], len(one.second), "s2"),
        class_="sides",
    )
    return element("div", heading, sides, terms(said), class_="merge", id=merge.commit[:8])


def _side(name: str, shown: Sequence[Answer], total: int, colour: str) -> Html:
    lines = [element("li", *_line(answer)) for answer in shown[:MOST]]
    more = total - len(lines)
    if more:
        lines.append(element("li", f"and {more:,} more", class_="quiet"))
    title = element("h4", f"{name}: {count(total, 'change')}")
    return element("div", title, element("ul", *lines, class_=colour))


def _line(answer: Answer) -> Iterator[Content]:
    yield phrase(answer.command)
    if answer.outcome not in (Outcome.APPLIED, Outcome.MERGED):
        yield element("em", f" ({answer.outcome.value})")
