"""The bell of one process: a thread that sleeps until another process rings. `Member` uses it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from comity.engine.runtime.system import Lock, start
from comity.engine.sharing.bell import COMMITS, MODELS, Bell
from comity.engine.sharing.board_file import BoardFile

_log = logging.getLogger("comity")

_LONGEST: Final = 60.0
"""Seconds that the thread sleeps at most; nothing depends on it."""


@dataclass
class _Listener:
    bits: int
    callback: Callable[[], None]
    heard: tuple[int, ...] = ()
    """The values of the bell, for its bits, when it was called last."""


class Listening:
    """The callbacks of a process that are called at a ring. Any thread may call all methods."""

    def __init__(self, file: BoardFile, slot: int) -> None:
        self._lock = Lock()
        self._numbers = count()
        self._listeners: dict[int, _Listener] = {}
        self._runs = False
        self._ended = False
        self._process = os.getpid()
        self._use(file, slot)

    def add(self, bits: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at once and at each ring, until the function that this returns is called.

        Raises:
            RuntimeError: no thread can be started.
        """
        with self._lock:
            number = next(self._numbers)
            self._set({**self._listeners, number: _Listener(bits, callback)})
            if not self._runs and not self._ended:
                start("comity-bell", self._run)
                self._runs = True

        def stop() -> None:
            if os.getpid() != self._process:
                return  # in a forked child: the lock may be held for ever, the slot is the parent's
            with self._lock:
                self._set({key: one for key, one in self._listeners.items() if key != number})

        return stop

    def move(self, file: BoardFile, slot: int) -> None:
        """Listen on another slot from now on."""
        with self._lock:
            before = self._bell
            self._use(file, slot)
            self._set(self._listeners)
            before.ring()

    def end(self) -> None:
        """Let the thread end, and call nobody any more."""
        with self._lock:
            self._set({})
            self._ended = True

    def _use(self, file: BoardFile, slot: int) -> None:
        self._file, self._slot = file, slot
        self._bell = Bell(file.memory, slot)

    def _set(self, listeners: dict[int, _Listener]) -> None:
        if self._ended:  # another process may have the slot now
            return
        self._listeners = listeners
        wanted = 0
        for one in listeners.values():
            wanted |= one.bits
        self._file.wants[self._slot] = wanted
        self._bell.ring()

    def _run(self) -> None:
        while True:
            with self._lock:
                bell, seen = self._bell, self._bell.value
                listeners = self._listeners.values()
                if not listeners:
                    self._runs = False
                    return
            for one in listeners:
                rung = tuple(bell.wish(bit) for bit in (COMMITS, MODELS) if one.bits & bit)
                if rung != one.heard:
                    one.heard = rung
                    _call(one.callback)
            bell.wait(seen, _LONGEST)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # the others are to hear, too
        _log.exception("a callback failed that another process had rung for")
