"""`comity rehearse`: decides a journal's commands again under today's rules, and compares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, TextColumn

from comity.cli.arguments import FLAG, AsJson, JournalPath, ShownDecider, load_decider
from comity.cli.console import show_aside, show_json
from comity.cli.opening import opened
from comity.cli.progress import ChangingLine
from comity.cli.rehearsed import tell, tell_json
from comity.engine import Invalid, WiringError
from comity.evolution import RehearsalProgress
from comity.evolution import rehearse as decide_again

Deciders = Annotated[
    list[ShownDecider],
    typer.Argument(
        metavar="DECIDER...",
        parser=load_decider,
        help="Today's rules, such as examples.board.domain:board.",
        show_default=False,
    ),
]
Commands = Annotated[
    list[str] | None,
    typer.Option(
        "--command",
        metavar="NAME",
        help="Only commands of this class or stored name; may be repeated.",
        show_default=False,
    ),
]


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        msg = f"expected a time such as 2027-03-01 or 2027-03-01T12:00, got {text!r}"
        raise typer.BadParameter(msg) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


Since = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        parser=_time,
        help="Only commands from this time on, such as 2027-03-01; UTC.",
        show_default=False,
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        parser=_time,
        help="Only commands before this time; UTC.",
        show_default=False,
    ),
]
Under = Annotated[
    str | None,
    typer.Option(
        metavar="REVISION",
        help="Only commands that were decided under this revision of the rules.",
        show_default=False,
    ),
]
Limit = Annotated[
    int, typer.Option(min=0, metavar="N", help="So many cases for each line of the table.")
]
FromEvents = Annotated[
    bool,
    typer.Option(
        "--from-events",
        metavar=FLAG,
        help="Make commands that the journal does not have from their events.",
    ),
]


def rehearse(
    path: JournalPath,
    deciders: Deciders,
    *,
    command: Commands = None,
    since: Since = None,
    until: Until = None,
    under: Under = None,
    limit: Limit = 5,
    from_events: FromEvents = False,
    json: AsJson = False,
) -> None:
    """Decide recorded commands again under today's rules; show what would come out differently.

    Each command is decided on the state and with the view that it had. Nothing is written. The exit
    code is 1 if a command would come out differently or cannot be decided again.
    """
    with opened(path) as journal, _Bar(json=json) as bar:
        try:
            found = decide_again(
                journal,
                deciders,
                commands=command or (),
                since=since,
                until=until,
                under=under,
                limit=limit,
                from_events=from_events,
                progress=bar.show,
            )
        except (Invalid, WiringError) as error:  # deciders, commands or times that do not fit
            raise typer.BadParameter(str(error)) from None
    if json:
        tell_json(found)
    else:
        tell(path, found)
    if not found.is_same:
        raise typer.Exit(1)


class _Bar(ChangingLine):
    """How far the rehearsal is."""

    def __init__(self, *, json: bool) -> None:
        super().__init__(TextColumn("rehearsing"), BarColumn(), TextColumn("{task.fields[said]}"))
        self._task = self._bar.add_task("", total=None, said="")
        self._json = json

    def show(self, progress: RehearsalProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.records, total=progress.end, said=str(progress)
            )
        elif self.line_is_due():
            if self._json:
                left = progress.seconds_left
                show_json({**progress._asdict(), "seconds_left": left}, aside=True)
            else:
                show_aside(f"rehearsing: {progress}")
