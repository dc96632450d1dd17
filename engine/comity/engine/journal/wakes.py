"""The callbacks that a journal calls when there are new records. Each journal has one `Wakes`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

from comity.engine.runtime.system import Lock

_log = logging.getLogger("comity")


class Wakes:
    """Registered callbacks. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count()
        self._callbacks: dict[int, Callable[[], None]] = {}

    def add(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Register a callback; return a function that removes it and may be called twice."""
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
        """Call all callbacks."""
        for callback in self._callbacks.values():  # replaced, never changed
            try:
                callback()
            except Exception:  # the appending thread must not get the error
                _log.exception("whom the journal wakes failed")

    def forget(self) -> None:
        """Remove all callbacks: the journal is closed, or this process is a fork."""
        self._callbacks = {}
        self._end()

    def _begin(self) -> None:
        """Prepare for a new callback; `add` calls this with the lock held."""

    def _end(self) -> None:
        """Clean up after the last callback was removed."""
