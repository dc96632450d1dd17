"""The progress of a backup or a restore, and the clock that shows it a few times a second."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from comity.engine.runtime.system import monotonic
from comity.engine.text import duration

_SECONDS: Final = 0.2
"""Between two calls of the function that shows the progress."""
_MB: Final = 1_000_000


class BackupStage(StrEnum):
    """What a backup or a restore is doing."""

    LEDGERS = "copying ledgers"
    CHECKING = "checking pages"
    COPYING = "copying"
    READING = "reading back"


class BackupProgress(NamedTuple):
    """How far a backup or a restore is in its stage."""

    stage: BackupStage
    commits: int
    """How many commits are done …"""
    of_commits: int
    """… of how many. 0 if pages are checked, and not commits."""
    size: int
    """How many bytes are done."""
    part: float
    """Which part of the stage is done, from 0 to 1."""
    seconds: float
    """The time since the stage began."""

    @property
    def per_second(self) -> float:
        """Bytes in a second."""
        return self.size / max(1e-3, self.seconds)

    @property
    def seconds_left(self) -> float | None:
        """About how long the stage still takes; None if that cannot be told yet."""
        return self.seconds * (1 - self.part) / self.part if self.part else None

    def __str__(self) -> str:
        many = f"{self.commits:,} of {self.of_commits:,} commits, " if self.of_commits else ""
        left = self.seconds_left or 0
        rest = f", {duration(left)} left" if left >= 1 else ""
        return f"{many}{self.size / _MB:,.1f} MB, {self.per_second / _MB:,.1f} MB a second{rest}"


ShowBackup: TypeAlias = Callable[[BackupProgress], None]
"""Is called a few times a second."""


class Stopped(Exception):
    """The user wants to stop."""


class Pace:
    """Is told of each batch. Shows the progress, and asks whether to stop.

    Args:
        show: is called with the progress.
        stop: whether to stop.
    """

    def __init__(self, show: ShowBackup | None, stop: Callable[[], bool] | None) -> None:
        self._show, self._stop = show, stop
        self._shown_at = 0.0
        self.began = self._stage_began = monotonic()
        self._stage, self._commits, self._records, self._first = BackupStage.COPYING, 0, 0, 0
        self.size = 0
        """Bytes of this stage."""

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return monotonic() - self.began

    def begin(
        self,
        stage: BackupStage,
        commits: tuple[int, int] = (0, 0),
        records: tuple[int, int] = (0, 0),
    ) -> None:
        """Begin a stage; raises as `done`.

        Args:
            stage: the stage.
            commits: the number of the last commit that is done already, and of the last one.
            records: the same in records, by which the time that is left is estimated.
        """
        self._stage, self._stage_began, self.size = stage, monotonic(), 0
        self._first, self._commits = commits
        self._begun, self._records = records
        self._tell(self._first, 0.0)

    def done(self, commit: int, record: int, size: int) -> None:
        """Note that all commits up to this one are done, with `size` more bytes.

        Raises:
            Stopped: the user wants to stop.
        """
        self.size += size
        part = (record - self._begun) / max(1, self._records - self._begun)
        self._tell(commit, part)

    def checked(self, done: int, of: int) -> None:
        """Note how many bytes of a file are checked; raises as `done`."""
        self.size = done
        self._tell(0, done / max(1, of))

    def _tell(self, commit: int, part: float) -> None:
        if self._stop is not None and self._stop():
            raise Stopped
        now = monotonic()
        if self._show is not None and now - self._shown_at > _SECONDS:
            self._shown_at = now
            self._show(
                BackupProgress(
                    self._stage, commit - self._first, self._commits - self._first, self.size,
                    min(1.0, part), now - self._stage_began,
                )
            )  # fmt: skip
