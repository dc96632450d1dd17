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
    started = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    try:
        for done, item in enumerate(items):
            if time.monotonic() - started > PATIENCE and bar.console.is_terminal:
                bar.start()
            bar.update(task, completed=done)
            yield item
    finally:
        bar.stop()
