"""A gate that lets many in together, or one alone. `LmdbStore` keeps readers from reopening."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """Who wants to be alone waits for those inside; newcomers wait for all who want that."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._wanted = 0  # so many want to be alone

    @contextmanager
    def together(self) -> Generator[None]:
        """Inside with others."""
        with self._changed:
            while self._wanted:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
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
