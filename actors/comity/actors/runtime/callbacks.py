"""Calls what hosts have left with answers, on a thread of its own. `ThreadRuntime` hands it over.

A host's callback may raise, take its time, send again, wait, or close the domain. Where answers are
brought, on the committer's thread for one, each of these would harm everybody else.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from queue import Empty, SimpleQueue

from comity.actors.runtime.runtime import Callback

_log = logging.getLogger("comity")


class Callbacks:
    """Callbacks in the order in which their answers came; the thread lives while there are some."""

    IDLE = 1.0
    """Seconds without any after which the thread ends."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin with none, and no thread: in a forked child, too."""
        self._waiting: SimpleQueue[Callback] = SimpleQueue()
        self._lock = threading.Lock()  # guards the beginning and the end of the thread
        self._thread: threading.Thread | None = None

    def soon(self, callback: Callback) -> None:
        """Call it, after those that came before, whatever it raises. Any thread."""
        with self._lock:
            self._waiting.put(callback)
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="comity-callbacks", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter ends: then here
                _log.warning("there is no thread for callbacks: they are called where they are")
            else:
                self._thread = thread
                return
        self._call_all()

    def finish(self, timeout: float) -> None:
        """Wait until those that are there now were called, at most so many seconds."""
        if self._thread is None:
            return
        done = threading.Event()
        self.soon(done.set)
        done.wait(timeout)

    def _run(self) -> None:
        while True:
            try:
                attempt(self._waiting.get(timeout=self.IDLE))
            except Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._thread = None
                        return

    def _call_all(self) -> None:
        while not self._waiting.empty():
            try:
                callback = self._waiting.get_nowait()
            except Empty:
                return
            attempt(callback)


def attempt(callback: Callback) -> None:
    """Call it; what it raises is told to the log, and holds up nothing else."""
    try:
        callback()
    except BaseException:
        _log.exception("%r failed; the others go on", callback)


callbacks = Callbacks()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=callbacks.begin)
atexit.register(callbacks.finish, 1.0)
