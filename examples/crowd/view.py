"""The live view of the commands' outcomes while people work; in a log, one line per second."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Thread

from examples.crowd.diary import Diary
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from comity.engine import Outcome

STYLES: dict[str, str] = {
    Outcome.APPLIED: "green",
    Outcome.MERGED: "bright_green",
    Outcome.REBASED: "cyan",
    Outcome.UNCHANGED: "blue",
    Outcome.REJECTED: "yellow",
    Outcome.CONFLICTED: "red",
}
WIDEST_BAR = 30


class View:
    """Shows a diary during a phase of some seconds."""

    def __init__(self, title: str, seconds: float, diary: Diary) -> None:
        self._title = title
        self._seconds = seconds
        self._diary = diary
        self._started = time.monotonic()

    def line(self) -> str:
        """The view as one line."""
        refused = sum(self._diary.outcomes[outcome] for outcome in Outcome if outcome.refused)
        return (
            f"{self._title}: {self._elapsed:.0f} of {self._seconds:g} s, "
            f"{self._diary.commands:,} commands, {refused:,} refused"
        )

    def __rich__(self) -> RenderableType:
        head = Table.grid(expand=True)
        head.add_column(no_wrap=True)
        head.add_column(no_wrap=True, justify="right")
        head.add_row(
            Text(f"{self._title}: {self._diary.commands:,} commands", "bold"),
            f"{self._elapsed:.1f} of {self._seconds:g} s",
        )
        return Group(
            head,
            ProgressBar(total=self._seconds, completed=self._elapsed),
            Text("\n"),
            outcomes(self._diary),
            Text(),
            *self._sentences(),
        )

    def _sentences(self) -> list[Text]:
        return [
            Text.assemble(
                (f"{outcome:>10}  ", STYLES[outcome]),
                self._diary.sentences.get(outcome, "").partition(" wanted to ")[2],
                no_wrap=True,
                overflow="ellipsis",
            )
            for outcome in (Outcome.MERGED, Outcome.REBASED, Outcome.CONFLICTED)
        ]

    @property
    def _elapsed(self) -> float:
        return min(self._seconds, time.monotonic() - self._started)


def outcomes(diary: Diary) -> Table:
    """The number of commands by outcome, with bars."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=10)
    table.add_column(justify="right", min_width=7)
    table.add_column()
    others = [name for name in list(diary.outcomes) if name not in STYLES]
    most = max(list(diary.outcomes.values()), default=1)
    for name in (*STYLES, *others):
        many = diary.outcomes[name]
        bar = "█" * round(WIDEST_BAR * many / most) or "▏" * bool(many)
        table.add_row(name, f"{many:,}", Text(bar, STYLES.get(name, "red")))
    return table


@contextmanager
def watching(view: View) -> Generator[None]:
    """Show the view on stderr while the block runs."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=8, transient=True):
            yield
        return
    done = Event()
    thread = Thread(target=_tell, args=(view, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tell(view: View, done: Event) -> None:
    ended = False
    while not ended:
        ended = done.wait(1)
        print(view.line(), file=sys.stderr, flush=True)
