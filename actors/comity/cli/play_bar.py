"""The progress of a simulation on stderr, while it is played."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from comity.cli.console import show_aside, show_json
from comity.engine.runtime.system import monotonic
from comity.engine.text import printable

if TYPE_CHECKING:
    from types import TracebackType


class PlayBar:
    """How far a simulation is: one line that changes, or elsewhere a line every few seconds.

    Args:
        total: how much there is to do, in hours or runs.
        unit: what `total` counts.
        json: whether the lines elsewhere are JSON.
    """

    SECONDS: Final = 5.0
    """Seconds between two lines."""

    def __init__(self, total: float, unit: str, *, json: bool = False) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._total, self._unit, self._json = total, unit, json
        self._task = self._bar.add_task("", total=total, said="")
        self._line_at = monotonic() + self.SECONDS

    def show(self, what: str, done: float, commands: int) -> None:
        """Show that this much of `what` is done, and how many commands were sent for it."""
        what = printable(what)
        said = f"{done:.1f}".removesuffix(".0") + f" of {self._total:g} {self._unit}"
        if self._bar.console.is_terminal:
            text = f"{said}, {commands:,} commands"
            self._bar.update(self._task, completed=done, description=what, said=text)
        elif monotonic() >= self._line_at:
            self._line_at = monotonic() + self.SECONDS
            if self._json:
                figures = {"playing": what, self._unit: done, "of": self._total}
                show_json({**figures, "commands": commands}, aside=True)
            else:
                show_aside(f"{what}: {said}, {commands:,} commands")

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
        if self._bar.console.is_terminal:  # else `stop` prints an empty line
            self._bar.stop()
