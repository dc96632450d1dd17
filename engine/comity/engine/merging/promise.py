"""A matrix as text that a test keeps, and in words what has changed since it was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from comity.engine.errors import Invalid
from comity.engine.merging.matrix import Matrix
from comity.engine.text import printable

Pairs: TypeAlias = Mapping[tuple[str, str], str]
"""By command and event: what happens when they meet, as `str(cell)` says it."""

_HEAD = (
    "# What happens to a command of {} whose sender has not seen an event: see `comity matrix`.\n"
)
_MERGES = "merges"


def written(matrix: Matrix) -> str:
    """Return the matrix as text, one line for each pair, so that a change is one line's change."""
    lines = [_HEAD.format(matrix.decider)]
    for command in matrix.commands:
        lines.append(f"\n{command}\n")
        cells = (cell for cell in matrix.cells if cell.command == command)
        lines += [f"    {cell.event}: {cell}\n" for cell in cells]
    return "".join(lines)


def promised(text: str) -> Pairs:
    """Read the text that `written` made.

    Raises:
        Invalid: it is another text; the error names the line.
    """
    found: dict[tuple[str, str], str] = {}
    command = ""
    for number, line in enumerate(text.splitlines(), 1):
        event, colon, said = line.strip().partition(": ")
        if not line.strip() or line.startswith("#"):
            continue
        if not line[0].isspace():
            command = line.strip()
        elif command and colon and (command, event) not in found:
            found[command, event] = said
        else:
            msg = (
                f"line {number}: expected a command, or an indented line such as "
                f"`    CardMoved: merges` below one, got {printable(line)!r:.80}"
            )
            raise Invalid(msg)
    return found


def broken(before: Pairs, matrix: Matrix) -> list[str]:
    """Return what is not as it was, one sentence for each command and kind of change."""
    now = {(cell.command, cell.event): str(cell) for cell in matrix.cells}
    told = [*_only(before, now, "gone"), *_only(now, before, "new")]
    changes = defaultdict[tuple[str, str], list[str]](list)
    for (command, event), said in now.items():
        if before.get((command, event), said) != said:
            changes[command, _change(before[command, event], said)].append(event)
    told += [
        f"{command} with {', '.join(those)}: {how}" for (command, how), those in changes.items()
    ]
    return told


def _only(here: Pairs, there: Pairs, word: str) -> Iterator[str]:
    """Name the commands and events that only one of two matrices has."""
    for at, noun in enumerate(("command", "event")):
        known = {pair[at] for pair in there}
        names = dict.fromkeys(pair[at] for pair in here if pair[at] not in known)
        if names:
            yield f"{word}: the {noun}{'s' * (len(names) > 1)} {', '.join(names)}"


def _change(before: str, now: str) -> str:
    if before == _MERGES:
        return f"merged before, clashes now ({now})"
    if now == _MERGES:
        return f"clashed before ({before}), merges now"
    ours, theirs = (said.rpartition(" at ") for said in (before, now))
    if ours[2] == theirs[2]:  # the same place
        return f"{ours[0]} before, {theirs[0]} now"
    return f"{before} before, {now} now"
