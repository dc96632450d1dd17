"""Counters on the terminal, which go on while the year is played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from examples.incident_desk.figures import title
from rich.console import Console
from rich.live import Live
from rich.table import Table

from comity.simulation import Attempt

OFTEN = 200
"""The counters are shown anew after this many commands."""


@dataclass
class Counter:
    """The counts of one play so far."""

    minutes: int
    day: int = 0
    commands: int = 0
    stale: int = 0
    conflicts: int = 0

    def count(self, attempt: Attempt) -> None:
        """Count what a person sent; what it sends again after a refusal is not counted."""
        self.day = int(attempt.sent // 86_400)
        if attempt.again is None:
            self.commands += 1
            self.stale += attempt.unseen > 0
            self.conflicts += attempt.refused


class Counters:
    """Shows the counters of all plays while they run, and takes them away at the end."""

    def __init__(self, console: Console, ages: Sequence[int]) -> None:
        self._counters = [Counter(minutes) for minutes in ages]
        self._live = Live(self._table(), console=console, transient=True, auto_refresh=False)

    def watch(self, number: int) -> Callable[[Attempt], None]:
        """Return what counts the attempts of the play with this number, from 0."""
        counter = self._counters[number]

        def count(attempt: Attempt) -> None:
            counter.count(attempt)
            if counter.commands % OFTEN == 1:
                self._live.update(self._table(), refresh=True)

        return count

    def _table(self) -> Table:
        table = Table(title="a year of incidents", box=None, padding=(0, 2, 0, 0))
        for name in ("views", "day", "commands", "stale", "conflicts"):
            table.add_column(name, justify="right", min_width=8)
        for one in self._counters:
            counts = (one.day, one.commands, one.stale, one.conflicts)
            table.add_row(title(one.minutes), *(f"{count:,}" for count in counts))
        return table

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, traceback)
