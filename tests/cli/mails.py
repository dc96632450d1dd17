"""Outlets of calls, for tests of the command line. A delivery writes a line into a file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tests.cli.watchmen import Called

from comity.actors import Delivery, Outlet
from comity.actors.delivering.any_outlet import Start

SENT = Path("sent.txt")
"""Where the program runs."""
MENDED = Path("mended")
"""A file; while it is there, bad numbers can be reached."""


class Mails(Outlet[Called]):
    """Writes to each caller; bad ones cannot be reached."""

    start: ClassVar[Start] = "beginning"
    tries = 1
    back_off = (0.01, 0.01)

    def __init__(self, folder: Path = Path()) -> None:
        self._folder = folder

    def key(self, event: Called, at: object) -> str:
        """Callers wait for themselves only."""
        return event.who

    def deliver(self, event: Called, at: Delivery[Called]) -> None:
        """Write a line."""
        if event.who.startswith("bad") and not MENDED.exists():
            raise ValueError(f"nobody answers at {event.who}")
        with (self._folder / SENT).open("a") as file:
            print(repr(event.who), file=file)


mails = Mails()


class Posts(Mails):
    """Needs something."""

    def __init__(self, stamp: str) -> None:
        self.stamp = stamp


class Later(Mails):
    """Begins where the journal is not yet."""

    start = 1_000
