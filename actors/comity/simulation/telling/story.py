"""A run as a story: one sentence for each attempt and for each thing that happened besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from comity.engine.text import printable
from comity.simulation.records.attempt import Attempt, Overlap
from comity.simulation.records.run import Run
from comity.simulation.telling.axis import span
from comity.simulation.telling.wish import dropped

MOST: Final = 40
"""A story has at most this many sentences, unless more are asked for."""
_LATE: Final = 5.0
"""Seconds from which on it is told how long an answer took."""
_DRAFT: Final = 60.0
"""Seconds from choosing to sending from which on a command is told as a draft."""
_DECIDED: Final = {"rebased": "done", "unchanged": "dropped", "conflicted": "refused"}


def story(run: Run, most: int | None = MOST) -> tuple[str, ...]:
    r"""Return what happened, in sentences that begin with their times.

    A failure is the last sentence.

    Args:
        run: any run; a shrunk one is short enough to be told as a whole.
        most: of a longer story only the end is told, since a failure is there; None for all.

    Example:
        >>> print(*story(run), sep="\n")
        00:02:11.000 ann sent RenameCard(card='c1', title='Pay') to board/b1, looking at version 3,
        12 s old: refused by rule `reject`, because of bob's CardRenamed at card/c1/title.
        00:02:11.000 InvariantBroken: expected a title on each card, got none on c2
    """
    told = sorted([*((moment(one.sent), sentence(one)) for one in run.attempts), *_besides(run)])
    lines = [" ".join(line) for line in told]
    if most is not None and len(lines) > most:
        lines = [f"... ({len(lines) - most:,} sentences before that)", *lines[-most:]]
    return (*lines, *_ending(run))


def _besides(run: Run) -> Iterator[tuple[str, str]]:
    for line in run.story:
        time, _, said = line.partition(" ")
        yield time, printable(said)


def _ending(run: Run) -> Iterator[str]:
    if run.failure is not None:
        said = f"{run.failure.kind}: {printable(run.failure.text)}"
        yield f"{moment(run.failure.time)} {said}"


def sentence(attempt: Attempt) -> str:
    """Return what a person did and what came of it, without the time."""
    who, text = printable(attempt.person), printable(attempt.text)
    return f"{who} {_sent(attempt)} {text} to {attempt.aggregate}{_view(attempt)}: {_end(attempt)}."


def _sent(attempt: Attempt) -> str:
    verb = "sent" if attempt.again is None else "tried again and sent"
    wait = attempt.sent - attempt.chosen
    return f"{verb} a draft of {span(wait)} before," if wait >= _DRAFT else verb


def _view(attempt: Attempt) -> str:
    if attempt.seen is None:
        return " without looking"
    return f", looking at version {attempt.seen}, {span(attempt.age)} old"


def _end(attempt: Attempt) -> str:
    end = _outcome(attempt)
    if attempt.tries > 1:
        end += f"; it was sent {attempt.tries} times"
    if attempt.waited is not None and attempt.waited >= _LATE:
        end += f"; the answer came after {span(attempt.waited)}"
    return end


def _outcome(attempt: Attempt) -> str:
    match attempt.outcome:
        case "applied":
            return "done"
        case "merged":
            noun = "change" if attempt.unseen == 1 else "changes"
            return f"merged with {attempt.unseen} unseen {noun} elsewhere"
        case "unchanged" if not dropped(attempt):
            return "nothing was left to do"
        case "rebased" | "unchanged" | "conflicted" as outcome:
            by_rule = f" by rule `{attempt.rule}`" if attempt.rule else ""
            return f"{_DECIDED[outcome]}{by_rule}, because of {_those(attempt.overlaps)}"
        case _:  # a business rule's reason, or an error
            said = printable(attempt.sentence.partition(": ")[2])
            return said if said.startswith(attempt.outcome) else f"{attempt.outcome} ({said})"


def _those(overlaps: Sequence[Overlap]) -> str:
    told = [
        f"{printable(one.who) or 'somebody'}'s {one.event}"
        + (f" at {printable(one.path)}" if one.path else "")
        for one in overlaps[:3]
    ]
    more = f" and {len(overlaps) - 3} more" if len(overlaps) > 3 else ""  # noqa: PLR2004
    return (", ".join(told) or "others' changes") + more


def moment(seconds: float) -> str:
    """Return a time since the beginning as text, `02:14:07.250`; the texts sort as the times do."""
    minutes, rest = divmod(round(seconds * 1_000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest / 1_000:06.3f}"
