"""`comity salvage`: writes what can be read of a damaged journal into a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from comity.cli.arguments import AsJson
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.verify import VerifyBar
from comity.engine.verifying.pace import Stopped
from comity.engine.verifying.salvage import salvage as read_all
from comity.engine.verifying.salvaged import HarmedCommit, LostCommits, Salvaged

MISSING: Final = 1
"""The exit code if something is missing."""
_SHOWN: Final = 20
"""So many lost commits, cut aggregates and ids are printed; --json has all of them."""

Damaged = Annotated[
    Path,
    typer.Argument(metavar="PATH", help="The damaged journal: a directory.", show_default=False),
]
New = Annotated[
    Path,
    typer.Argument(
        metavar="NEW", help="The new journal: a directory that does not exist.", show_default=False
    ),
]


def salvage(path: Damaged, new: New, *, json: AsJson = False) -> None:
    """Write what can be read of a damaged journal into a new one, and tell what is missing.

    PATH is not changed. NEW has each aggregate up to its first gap; what was read behind a gap is
    in NEW/aside.jsonl. Ctrl-C ends it, and then there is no NEW.
    """
    check_path(path)
    try:
        with paused_by_ctrl_c() as stop, VerifyBar(json=json) as bar:
            done = read_all(path, new, progress=bar.show, stop=stop.is_set)
    except Stopped:
        raise typer.Exit(PAUSED) from None
    if json:
        show_json({**vars(done), "lost": [one._asdict() for one in done.lost],
                   "harmed": [one._asdict() for one in done.harmed],
                   "cut": [one._asdict() for one in done.cut]})  # fmt: skip
    else:
        tell(done, path, new)
    if not done.complete:
        raise typer.Exit(MISSING)


def tell(done: Salvaged, path: Path, new: Path) -> None:
    """Print the account for people."""
    show(Text.assemble(cell(new, "bold"), f" has what can be read of {path}, and is verified"), "")
    show_columns(list(_figures(done)), right=[1, 2, 3])
    if done.complete:
        show("", Text("nothing is missing", "green"))
    else:
        show("", *_missing(done))
    name = "" if done.named else " Its name could not be read: the new one has a name of its own."
    show(
        "",
        f"Both journals are the same up to position {done.same_position:,}; from there on this is "
        f"another branch, {done.branch}.{name}",
    )
    if done.aside:
        show(f"What is known beyond that is in {new / 'aside.jsonl'}.")


def _figures(done: Salvaged) -> Iterator[tuple[Text, ...]]:
    yield tuple(cell(name, "dim") for name in ("", "READ", "ASIDE", "MISSING", ""))
    commits = sum(one.last - one.first + 1 for one in done.lost)
    rows = (
        ("commits", done.commits, 0, commits, f"{len(done.harmed):,} in part" * bool(done.harmed)),
        ("commands", done.records, done.records_aside, done.records_lost, _unknown(done)),
        ("events", done.events, done.events_aside, done.events_lost, ""),
    )
    for name, read, aside, missing, more in rows:
        figures = (read, aside, missing)
        yield cell(name), *(cell(f"{each:,}", "cyan") for each in figures), cell(more, "dim")


def _unknown(done: Salvaged) -> str:
    ends = any(one.records is None for one in done.lost)
    return "and those of commits of which nobody knows how many they had" if ends else ""


def _missing(done: Salvaged) -> Iterator[str | Text]:
    for one in done.lost[:_SHOWN]:
        yield _lost(one)
    for harmed in done.harmed[:_SHOWN]:
        yield _harmed(harmed)
    if done.cut:
        yield ""
        yield Text("AGGREGATES that end before a gap", "dim")
    for cut in done.cut[:_SHOWN]:
        gap = f"versions {cut.kept + 1:,} to {cut.missing:,} are missing"
        if cut.missing == cut.kept + 1:
            gap = f"version {cut.missing:,} is missing"
        yield f"{cut.aggregate} ends at version {cut.kept:,} of {cut.known:,}: {gap}"
    if done.ids_lost:
        ids = ", ".join(done.ids_lost[:_SHOWN])
        yield ""
        yield f"commands that are lost, as far as the index knows: {ids}"
    most = max(len(done.lost), len(done.harmed), len(done.cut), len(done.ids_lost))
    if most > _SHOWN:
        yield f"the lists are cut after {_SHOWN}: --json has all"


def _harmed(one: HarmedCommit) -> str:
    lost = "its head is missing"
    if one.lost is not None:
        lost = f"{one.lost:,} of its {one.lost + one.records:,} commands are missing"
    return f"commit {one.number:,} could be read in part: {lost}"


def _lost(one: LostCommits) -> str:
    named = f"commit {one.first:,} is" if one.first == one.last else (
        f"commits {one.first:,} to {one.last:,} are")  # fmt: skip
    many = "" if one.records is None else f": {one.records:,} commands, {one.events:,} events"
    return f"{named} missing{many}"
