"""A progress bar for whatever takes longer than a second."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

PATIENCE = 1.0
"""Seconds without a bar."""

T = TypeVar("T")


def watched(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items, with a bar on stderr once they have taken longer than a second."""
    started, shown = time.monotonic(), False
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    try:
        for done, item in enumerate(items):
            if not shown and bar.console.is_terminal and time.monotonic() - started > PATIENCE:
                bar.start()
                shown = True
            bar.update(task, completed=done)
            yield item
    finally:
        if shown:  # stopping what was never shown prints an empty line
            bar.stop()
