"""Progress bars for slow commands and for building a read model."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

from comity.cli.console import show_aside, show_json
from comity.engine.runtime.system import monotonic

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors import Progress as BuildProgress

PATIENCE = 1.0
"""Seconds before a bar appears."""

T = TypeVar("T")


def watched(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a progress bar on stderr if this takes longer than a second."""
    started, shown = monotonic(), False
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    try:
        for done, item in enumerate(items):
            if not shown and bar.console.is_terminal and monotonic() - started > PATIENCE:
                bar.start()
                shown = True
            bar.update(task, completed=done)
            yield item
    finally:
        if shown:  # stopping a bar that was never shown prints an empty line
            bar.stop()


class HidingBar:
    """A bar for commands that print while they read: it is hidden before each print.

    It appears when a second has passed without a print, and only on a terminal.

    Args:
        what: what is done.
        total: how many steps there are.
    """

    EVERY: Final = 256
    """Steps between two looks at the clock."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._quiet_since = monotonic()
        self._bar: Progress | None = None

    def over(self, items: Iterable[T], start: int) -> Iterator[T]:
        """Yield the items, each of which is a step, after so many steps."""
        try:
            for done, item in enumerate(items, start):
                if done % self.EVERY == 0:
                    self._show(done)
                yield item
        finally:
            self.hide()

    def hide(self) -> None:
        """Remove it from the terminal, because something is printed now."""
        self._quiet_since = monotonic()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, done: int) -> None:
        if self._bar is None and monotonic() - self._quiet_since > PATIENCE:
            console = Console(stderr=True)
            if not console.is_terminal:
                return
            self._bar = Progress(console=console, transient=True)
            self._bar.add_task(self._what, total=self._total)
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)


class ChangingLine:
    """A line on stderr that changes while a command works; the base of bars.

    Where there is no terminal, a bar prints a line of text or JSON every few seconds instead.

    Args:
        columns: the columns of the line.
    """

    SECONDS: Final = 5.0
    """Seconds between two lines."""

    def __init__(self, *columns: str | ProgressColumn) -> None:
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._line_at = monotonic() + self.SECONDS

    @property
    def is_terminal(self) -> bool:
        """Whether stderr is a terminal."""
        return self._bar.console.is_terminal

    def line_is_due(self) -> bool:
        """Whether it is time for the next line; if so, the seconds begin anew."""
        due = monotonic() >= self._line_at
        if due:
            self._line_at = monotonic() + self.SECONDS
        return due

    def __enter__(self) -> Self:
        if self.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.is_terminal:  # else `stop` prints an empty line
            self._bar.stop()


class BuildBar(ChangingLine):
    """A build's progress, speed and remaining time."""

    def __init__(self, what: str, *, json: bool = False) -> None:
        super().__init__(TextColumn(what), BarColumn(), TextColumn("{task.fields[said]}"))
        self._task = self._bar.add_task("", total=None, said="")
        self._what = what
        self._json = json
        self._first: int | None = None
        self.position = 0

    @property
    def done(self) -> int:
        """How many events the build has gone through since `show` was first called."""
        return self.position - (self._first or 0)

    def show(self, progress: BuildProgress) -> None:
        """Show this progress."""
        if self._first is None:
            self._first = progress.position
        self.position = progress.position
        if self.is_terminal:
            self._bar.update(
                self._task, completed=self.position, total=progress.end, said=str(progress)
            )
        elif self.line_is_due():
            self._show_line(progress)

    def _show_line(self, progress: BuildProgress) -> None:
        if self._json:
            left = progress.seconds_left
            show_json({**progress._asdict(), "seconds_left": left}, aside=True)
        else:
            show_aside(f"{self._what}: {progress}")


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Show a spinner with this text on stderr, if that is a terminal."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield
