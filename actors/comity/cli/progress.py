"""Progress bars: for whatever takes longer than a second, and for building a read model."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from comity.engine.runtime.system import monotonic

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors import Progress as BuildProgress

PATIENCE = 1.0
"""Seconds without a bar."""

T = TypeVar("T")


def watched(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items, with a bar on stderr once they have taken longer than a second."""
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
        if shown:  # stopping what was never shown prints an empty line
            bar.stop()


class BuildBar:
    """How far a build is, how fast, and when it will be done; on stderr, if that is a terminal."""

    def __init__(self, what: str) -> None:
        self._bar = Progress(
            TextColumn(what),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]:,.0f} events/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, rate=0.0)
        self._first: int | None = None
        self.position = 0

    @property
    def done(self) -> int:
        """How many events of the journal it has gone through since it was first shown."""
        return self.position - (self._first or 0)

    def show(self, progress: BuildProgress) -> None:
        """It has come so far."""
        if self._first is None:
            self._first = progress.position
        self.position = progress.position
        rate = progress.events_per_second
        self._bar.update(self._task, completed=self.position, total=progress.end, rate=rate)

    def __enter__(self) -> Self:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar.console.is_terminal:  # stopping what was never shown prints an empty line
            self._bar.stop()


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Say on stderr what is waited for, if that is a terminal."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield
