"""Ctrl-C while a scenario is played: the run ends, and is returned as far as it came."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Self

from comity.engine.runtime.system import is_main_thread


class Stopping:
    """Notes Ctrl-C inside of a `with` block, instead of raising KeyboardInterrupt at any place.

    An interrupt in the middle of the engine's work could be taken for a failure of the domain. A
    second Ctrl-C raises KeyboardInterrupt at once: a script may be in an endless loop.
    """

    def __init__(self) -> None:
        self.wanted = False
        """Whether Ctrl-C was pressed."""
        self._before: object = None

    def __enter__(self) -> Self:
        if is_main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if callable(self._before):  # else Ctrl-C is ignored, or another program handles it
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if callable(self._before):
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
