"""Finds code that would make a run another one next time: it reads a real clock, or real chance.

Python calls a profile function at each call of a built-in function. That makes a step twice as
slow, so only some steps are watched.
"""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Final, Self, cast

_CLOCKS: Final = frozenset({
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns",
    "process_time", "sleep",
})  # fmt: skip
_TODAY: Final = frozenset({"now", "utcnow", "today"})
_CHANCE: Final[object] = getattr(random.random, "__self__", None)
"""The generator behind `random.random()` and `random.choice()`, which all modules share."""


class Watch:
    """Watches the calls inside of a `with` block.

    Args:
        found: called with each call that makes a run unrepeatable, as text:
            `time.time() in editor, team.py line 12`.
    """

    def __init__(self, found: Callable[[str], None]) -> None:
        self._found = found
        self._watches = False

    def __enter__(self) -> Self:
        if sys.getprofile() is None:  # else a profiler runs, which would lose its function
            self._watches = True
            sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        if self._watches:
            self._watches = False
            sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, called: object) -> None:
        if event == "c_call":
            name = _name(called)
            place = _place(frame) if name else None
            if name and place:
                self._found(f"{name}() in {place}")


def _name(called: object) -> str | None:
    """Return the function's name if its result is another one in each run."""
    name = cast("str", getattr(called, "__name__", ""))
    of: object = getattr(called, "__self__", None)
    module = cast("str | None", getattr(called, "__module__", None))
    if module == "time" and name in _CLOCKS:
        return f"time.{name}"
    if name in _TODAY and isinstance(of, type) and issubclass(of, date):
        return f"{of.__name__}.{name}"
    if name == "urandom" or (of is _CHANCE and of is not None):
        return "os.urandom" if name == "urandom" else f"random.{name}"
    return None


def _place(frame: FrameType | None) -> str | None:
    """Return where code of the user's has called it; None if comity's own code has.

    The garbage collector may run at any time, and what it calls then (Hypothesis reads a clock) has
    no part in the run.
    """
    collecting = [getattr(one, "__code__", None) for one in gc.callbacks]
    while frame is not None:
        if frame.f_code in collecting:
            return None
        module = cast("str", frame.f_globals.get("__name__", ""))
        root = module.partition(".")[0]
        if root == "comity":
            return None
        if root not in sys.stdlib_module_names:
            code = frame.f_code
            return f"{code.co_name}, {Path(code.co_filename).name} line {frame.f_lineno}"
        frame = frame.f_back
    return None
