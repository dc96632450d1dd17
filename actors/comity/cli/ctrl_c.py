"""Ctrl-C as a pause, for commands that go on later from where they stopped; and as an end."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from comity.engine.runtime.system import Flag

PAUSED = 130
"""The usual exit code after Ctrl-C."""


@contextmanager
def paused_by_ctrl_c() -> Generator[Flag]:
    """A flag that the first Ctrl-C sets; the second one interrupts as usual.

    A KeyboardInterrupt could arrive while imported code runs, and would count as its failure.
    """
    stop = Flag()

    def pause(signal_number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, pause)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ended_by_signals() -> Generator[Flag]:
    """A flag that the first Ctrl-C or SIGTERM sets; the second one ends the program as usual."""
    stop, signals = Flag(), (signal.SIGINT, signal.SIGTERM)

    def end(signal_number: int, frame: FrameType | None) -> None:
        stop.set()
        for one in signals:
            signal.signal(one, before[one])

    before = {one: signal.signal(one, end) for one in signals}
    try:
        yield stop
    finally:
        for one in signals:
            signal.signal(one, before[one])
