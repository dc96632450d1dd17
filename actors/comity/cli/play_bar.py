"""The progress of a simulation on stderr, while it is played."""

from __future__ import annotations

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from comity.cli.console import show_aside, show_json
from comity.cli.progress import ChangingLine
from comity.engine.text import printable


class PlayBar(ChangingLine):
    """How far a simulation is.

    Args:
        total: how much there is to do, in hours or runs.
        unit: what `total` counts.
        json: whether the lines elsewhere than on a terminal are JSON.
    """

    def __init__(self, total: float, unit: str, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
        )
        self._total, self._unit, self._json = total, unit, json
        self._task = self._bar.add_task("", total=total, said="")

    def show(self, what: str, done: float, commands: int) -> None:
        """Show that this much of `what` is done, and how many commands were sent for it."""
        what = printable(what)
        said = f"{done:.1f}".removesuffix(".0") + f" of {self._total:g} {self._unit}"
        if self.is_terminal:
            text = f"{said}, {commands:,} commands"
            self._bar.update(self._task, completed=done, description=what, said=text)
        elif self.line_is_due():
            if self._json:
                figures = {"playing": what, self._unit: done, "of": self._total}
                show_json({**figures, "commands": commands}, aside=True)
            else:
                show_aside(f"{what}: {said}, {commands:,} commands")
