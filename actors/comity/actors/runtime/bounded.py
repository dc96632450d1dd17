"""Doing what a disk may hold up, for a limited time. Closing uses it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread


def within(seconds: float, function: Callable[[], None]) -> bool:
    """Whether the function has returned within so many seconds; if not, it goes on by itself."""
    thread = Thread(target=function, name="comity-closing", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # Python is ending, and starts no more threads
        function()
        return True
    thread.join(seconds)
    return not thread.is_alive()
