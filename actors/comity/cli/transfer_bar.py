"""The progress of an export or an import on stderr."""

from __future__ import annotations

from rich.progress import BarColumn, TextColumn

from comity.cli.console import show_aside, show_json
from comity.cli.progress import ChangingLine
from comity.evolution import TransferProgress


class TransferBar(ChangingLine):
    """A bar on a terminal; elsewhere a line of text or JSON every few seconds."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="", said="")
        self._json = json

    def show(self, progress: TransferProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.done, total=progress.total,
                stage=progress.stage.value, said=str(progress),
            )  # fmt: skip
        elif self.line_is_due():
            if self._json:
                show_json(progress._asdict(), aside=True)
            else:
                show_aside(f"{progress.stage.value}: {progress}")
