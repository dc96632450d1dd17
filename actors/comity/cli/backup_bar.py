"""The progress of a backup or a restore on the terminal."""

from __future__ import annotations

from rich.progress import BarColumn, TextColumn

from comity.cli.console import show_aside, show_json
from comity.cli.progress import ChangingLine
from comity.engine.backups.progress import BackupProgress
from comity.engine.messages.moment import moment


class BackupBar(ChangingLine):
    """A bar for each stage."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="", said="")
        self._json = json

    def show(self, progress: BackupProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.part, total=1.0, stage=progress.stage.value,
                said=str(progress),
            )  # fmt: skip
        elif self.line_is_due():
            if self._json:
                left = progress.seconds_left
                show_json({**progress._asdict(), "seconds_left": left}, aside=True)
            else:
                show_aside(f"{progress.stage.value}: {progress}")


def moment_of(microseconds: int) -> str:
    """A time for people: `2026-11-30 10:00:00 UTC`."""
    return f"{moment(microseconds):%Y-%m-%d %H:%M:%S} UTC"
