"""Whom a journal wakes when there is more to read. A journal has one and rings it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

from comity.engine.runtime.system import Lock

_log = logging.getLogger("comity")


class Wakes:
    """Callbacks, each until it is stopped. Any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count()
        self._callbacks: dict[int, Callable[[], None]] = {}

    def add(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call it back from now on; what this gives back stops that, and may be called twice."""
        with self._lock:
            self._begin()
            number = next(self._numbers)
            self._callbacks = {**self._callbacks, number: callback}

        def stop() -> None:
            with self._lock:
                kept = {each: one for each, one in self._callbacks.items() if each != number}
                self._callbacks = kept
                if not kept:
                    self._end()

        return stop

    def ring(self) -> None:
        """Call all of them."""
        for callback in self._callbacks.values():  # never changed: a new dict takes its place
            try:
                callback()
            except Exception:  # whoever appends has nothing to do with it
                _log.exception("whom the journal wakes failed")

    def forget(self) -> None:
        """Call nobody any more: the journal is closed, or this is a fork."""
        self._callbacks = {}
        self._end()

    def _begin(self) -> None:
        """Somebody is about to be added; the lock is held."""

    def _end(self) -> None:
        """Nobody is left."""
