"""Following a journal beside its writers, as `tail -f` follows a file."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from comity.cli.arguments import FLAG
from comity.cli.ctrl_c import ended_by_signals
from comity.engine.runtime.system import Flag

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal

BREATH: Final = 0.2
"""Seconds between two looks for Ctrl-C."""

Follow = Annotated[
    bool,
    typer.Option(
        "--follow", "-f", metavar=FLAG, help="Go on with new events as they come, until Ctrl-C."
    ),
]


class News:
    """Waits for new records. The journal wakes it."""

    def __init__(self, news: Flag, stop: Flag) -> None:
        self._news, self._stop = news, stop

    @property
    def ended(self) -> bool:
        """Whether the command is to end."""
        return self._stop.is_set()

    def waited(self) -> bool:
        """Wait until there may be new records; False: the command is to end."""
        sys.stdout.flush()  # what reads a pipe gets all there is
        while not self._stop.is_set():
            if self._news.wait(BREATH):
                self._news.clear()
                return True
        return False


@contextmanager
def followed(journal: Journal, *, follow: bool) -> Generator[News | None]:
    """Give what waits for the journal's news, or None if it is not followed.

    Ctrl-C and SIGTERM end the wait; the second one ends the program as usual.
    """
    if not follow:
        yield None
        return
    with ExitStack() as stack:
        stop, news = stack.enter_context(ended_by_signals()), Flag()
        stack.callback(journal.wake(news.set))
        yield News(news, stop)
