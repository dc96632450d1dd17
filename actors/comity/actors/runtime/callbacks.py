"""Calls the callbacks that hosts have added to answers, on a thread of its own.

A host's callback may raise, be slow, send again, wait, or close the domain. On a thread that brings
answers, for example the committer's, each of these would harm all other senders.
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
    """Callbacks in the order of their answers. The thread ends when there are none for a while."""

    IDLE = 1.0
    """Seconds without callbacks after which the thread ends."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin without callbacks and thread. Called again in a forked child."""
        self._waiting: SimpleQueue[Callback] = SimpleQueue()
        self._lock = threading.Lock()  # guards starting and ending the thread
        self._thread: threading.Thread | None = None

    def soon(self, callback: Callback) -> None:
        """Call the callback after the earlier ones. Its exceptions are logged. Any thread."""
        with self._lock:
            self._waiting.put(callback)
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="comity-callbacks", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter ends: call it here
                _log.warning("there is no thread for callbacks: they are called where they are")
            else:
                self._thread = thread
                return
        self._call_all()

    def finish(self, timeout: float) -> None:
        """Wait until the present callbacks were called, at most `timeout` seconds."""
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
    """Call the callback, and log its exceptions."""
    try:
        callback()
    except BaseException:
        _log.exception("%r failed; the others go on", callback)


callbacks = Callbacks()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=callbacks.begin)
atexit.register(callbacks.finish, 1.0)
