"""The page of one run: what happened when people worked at once, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.simulation.records.run import Run
from comity.simulation.telling import counting, pictures
from comity.simulation.telling.axis import span
from comity.simulation.telling.markup import (
    Content,
    Html,
    Seconds,
    element,
    paragraph,
    table,
)
from comity.simulation.telling.page import alarm, figure, figures, page, panels, section, terms
from comity.simulation.telling.page import story as story_list
from comity.simulation.telling.pictures import Line
from comity.simulation.telling.story import story
from comity.simulation.telling.wish import Ending, Wish, wishes

WORDS: Final = {
    "unseen": "A change that was made after its sender last looked, by somebody else.",
    "clash": "An unseen change at the same place: the command's conflict rule decides.",
    "asked again": "A refused command: its sender had to look and decide again.",
    "dropped": "A conflict rule let another's change win, and asked nobody.",
    "replaced": "A command was accepted over an unseen change at the same place: that change is "
    "gone, and nobody was asked.",
    "given up": "A wish that was refused and not tried again before the end.",
    "time": "From choosing a command to its acceptance, refusals and repeats included.",
}
"""What the words of reports mean."""


def run_report(run: Run, repeat: str = "", smallest: Run | None = None) -> str:
    """Return the page of a run.

    Args:
        run: the run.
        repeat: a command that plays it again, shown for a run that failed.
        smallest: the shrunk run, whose story is told in place of a failed run's own.

    Example:
        Path("report.html").write_text(run_report(team.play(seed=7)), encoding="utf-8")
    """
    return page(
        run.scenario,
        trouble(smallest or run, repeat),
        _figures(run, wishes(run.attempts)),
        _conflicts(run),
        _waits(run),
        _outcomes(run),
        section("Words", terms(WORDS.items())),
        footer(run),
        lead=played(run),
    )


def played(run: Run, rules: str = "") -> str:
    """Return who played, for how long, and by which rules: a sentence."""
    end = ", then it was interrupted" if run.interrupted else ""
    time = span(counting.busy(run))
    return f"{people(run)} for {time}, seed {run.seed}, {rules or run.policy}{end}."


def ended_early(runs: Sequence[Run]) -> str:
    """Return a warning if some of several runs failed: what they cost cannot be compared."""
    failed = [
        f"{run.policy} (after {span(run.seconds)})" for run in runs if run.failure is not None
    ]
    if len(runs) < 2 or not failed:  # noqa: PLR2004
        return ""
    return f"Failed, so their figures are those of the time until then: {', '.join(failed)}."


def people(run: Run) -> str:
    """Return how many people there were: `1 person`, `500 people`."""
    return f"{run.people:,} {'person' if run.people == 1 else 'people'}"


def trouble(run: Run, repeat: str = "", name: str = "It") -> Html:
    """What stands at the top if the run failed."""
    if run.failure is None:
        return Html()
    *before, last = story(run)
    again = paragraph("To see it again: ", element("code", repeat)) if repeat else ""
    title = f"{name} failed: {run.failure.kind}"
    said = failing(run)
    return alarm(
        title, paragraph(f"{said[0].upper()}{said[1:]}:"), story_list(before, bad=[last]), again
    )


def failing(run: Run) -> str:
    """Say of which run a failed run's story is told: of itself, or of a smaller one."""
    if run.shrunk_from is None:
        return "this is what happened"
    before, sent = run.shrunk_from
    return (
        f"the smallest run that fails like this has {run.people:,} of {before:,} people and "
        f"{len(run.attempts):,} of {sent:,} commands"
    )


def footer(run: Run, name: str = "") -> Html:
    """How the page came about."""
    parts = [f"{name}{run.steps:,} steps in {span(run.took)}"]
    if run.took > 0 and run.steps:
        parts.append(f"{run.steps / run.took:,.0f} steps a second")
    if run.trace:
        parts.append(f"trace {run.trace}: the same for the same seed")
    return element("footer", "; ".join(parts), ".")


def _figures(run: Run, found: list[Wish]) -> Html:
    accepted = sum(not one.refused for one in run.attempts)
    half = counting.quantile((one.took for one in found if one.took is not None), 0.5)
    return figures(
        [
            (len(run.attempts), "commands were sent"),
            (_share(accepted, len(run.attempts)), "were accepted"),
            (len(run.attempts) - accepted, "times somebody was asked again"),
            (sum(bool(one.overwritten) for one in run.attempts), "replaced unseen changes"),
            ("none" if half is None else span(half), "from choosing to done, half of all"),
        ]
    )


def _share(some: int, of: int) -> str:
    return f"{some / of:.1%}".replace("%", " %") if of else "none"


def _conflicts(run: Run) -> Html:
    lines = [
        Line("met unseen changes", run, counting.unseen),
        Line("clashed with one", run, counting.clashed),
        Line("asked again", run, counting.refused),
    ]
    return section(
        "When people work at once",
        panels(
            pictures.over_time(
                lines, "Conflicts over time", "How many commands met changes of others."
            ),
            pictures.by_age(
                lines[1:], "Old views", "The older a view, the more has changed meanwhile."
            ),
        ),
        pictures.who_met_what(
            run,
            "Who met what",
            "Left: the command. Above: the unseen event that it clashed with, and how often.",
        ),
    )


def _waits(run: Run) -> Html:
    found = wishes(run.attempts)
    waits = [
        ("answer", [one.waited for one in run.attempts if one.waited is not None]),
        ("from choosing to done", [one.took for one in found if one.took is not None]),
    ]
    return section(
        "Waiting",
        pictures.waiting(waits, "How long it took", "Which share was done within which time."),
    )


def _outcomes(run: Run) -> Html:
    by_command: dict[str, list[Wish]] = {}
    for wish in wishes(run.attempts):
        by_command.setdefault(wish.first.command, []).append(wish)
    rows = [[command, len(those), *_counts(those)] for command, those in sorted(by_command.items())]
    head = ["command", "wishes", "done", "asked again", "dropped", "given up", "unanswered"]
    head += ["half done within"]
    return section("What became of it", figure("By command", table(head, rows, "By command")))


def _counts(those: list[Wish]) -> list[Content]:
    def ended(how: Ending) -> int:
        return sum(wish.ending is how for wish in those)

    half = counting.quantile((one.took for one in those if one.took is not None), 0.5)
    return [
        ended(Ending.DONE),
        sum(attempt.refused for wish in those for attempt in wish.attempts),
        ended(Ending.DROPPED),
        ended(Ending.GIVEN_UP),
        ended(Ending.UNANSWERED),
        "" if half is None else Seconds(half),
    ]
