"""Waits for a function at most a given time. Closing uses it for work on a slow disk."""

from __future__ import annotations

from comity.actors.runtime.runtime import Callback, Runtime


def within(runtime: Runtime, seconds: float, function: Callback) -> bool:
    """Call the function, and wait at most `seconds` for it. False: it is still running."""
    sleeper = runtime.sleeper()

    def run() -> None:
        try:
            function()
        finally:
            sleeper.wake()

    runtime.start("comity-closing", run)
    return sleeper.sleep(seconds)
