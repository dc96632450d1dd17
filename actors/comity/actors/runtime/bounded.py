"""Doing what a disk may hold up, for a limited time. Closing uses it."""

from __future__ import annotations

from comity.actors.runtime.runtime import Callback, Runtime


def within(runtime: Runtime, seconds: float, function: Callback) -> bool:
    """Whether the function has ended within so many seconds; if not, it goes on by itself."""
    sleeper = runtime.sleeper()

    def run() -> None:
        try:
            function()
        finally:
            sleeper.wake()

    runtime.start("comity-closing", run)
    return sleeper.sleep(seconds)
