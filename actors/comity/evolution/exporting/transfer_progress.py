"""How far an export or an import is, told a few times a second; and whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from comity.engine.runtime.system import monotonic
from comity.engine.text import duration

_SECONDS: Final = 0.2
"""Between two calls of the function that shows the progress."""
_RECORDS: Final = 63
"""Between two looks at the clock; a number whose bits are all set."""


class Stage(StrEnum):
    """What an export or an import is doing."""

    EXPORTING = "exporting"
    CHECKING = "checking"
    """The file is read once before anything is written."""
    IMPORTING = "importing"
    VERIFYING = "verifying"
    """The new journal is read, and compared with the file."""


class TransferProgress(NamedTuple):
    """How far an export or an import is."""

    stage: Stage
    done: int
    """How many records, or lines, are done in this stage."""
    total: int | None
    """How many there are; None if that is not known."""
    per_second: float
    """The speed in this stage."""

    def __str__(self) -> str:
        many = f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"
        left = ((self.total or 0) - self.done) / self.per_second if self.per_second else 0
        rest = f", {duration(left)} left" if left >= 1 else ""
        return f"{many}, {self.per_second:,.0f} a second{rest}"


ShowTransfer: TypeAlias = Callable[[TransferProgress], None]
"""Is called a few times a second."""


class Stopped(Exception):
    """The user wants to stop."""


class Meter:
    """Counts what is done."""

    def __init__(self, show: ShowTransfer | None, stop: Callable[[], bool] | None = None) -> None:
        self._show, self._stop = show, stop
        self.begin(Stage.EXPORTING, None)

    def begin(self, stage: Stage, total: int | None) -> None:
        """Begin a stage."""
        self._stage, self._total = stage, total
        self._done = 0
        self._began = self._shown_at = monotonic()

    def count(self) -> None:
        """Note that one more is done.

        Raises:
            Stopped: the user wants to stop.
        """
        self._done += 1
        if self._done & _RECORDS:
            return
        if self._stop is not None and self._stop():
            raise Stopped
        now = monotonic()
        if self._show is not None and now - self._shown_at > _SECONDS:
            speed = self._done / max(1e-3, now - self._began)
            self._show(TransferProgress(self._stage, self._done, self._total, speed))
            self._shown_at = now
