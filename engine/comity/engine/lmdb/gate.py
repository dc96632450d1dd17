"""A gate that lets many in together, or one alone. `LmdbEnvironment` is opened again so."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from comity.engine.runtime.system import Condition, Lock


class Gate:
    """A lock that many threads hold together, or one alone.

    A thread that wants to be alone waits until the others have left; newcomers wait for it.

    Example:
        with gate: ...  # together with others
        with gate.alone(): ...
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._inside = 0
        self._wanted = 0  # so many want to be alone

    # Each commit goes through here: a generator and the condition's own lock would take 3 µs more.

    def __enter__(self) -> None:
        with self._lock:
            while self._wanted:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._wanted:
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Inside with nobody else."""
        with self._changed:
            self._wanted += 1
            try:
                self._changed.wait_for(lambda: not self._inside)
                yield
            finally:
                self._wanted -= 1
                self._changed.notify_all()
