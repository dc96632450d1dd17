"""Checks the arguments that a host passes besides messages: numbers, lists and paths.

A wrong argument is refused at once with a clear text. Deeper inside it would raise an unrelated
error, perhaps in another thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import isnan
from pathlib import Path
from typing import Final, TypeVar, cast

from pydantic import BaseModel

from comity.engine.errors import ComityError, FromTheFuture, Invalid, WiringError
from comity.engine.runtime.system import LONGEST

T = TypeVar("T")

_NUMBERS: Final = (int, float)


def check_whole(number: int, what: str, least: int = 0) -> int:
    """Return a version, position or count, or raise `Invalid` if it is no int or below `least`."""
    if type(number) is not int or number < least:
        msg = f"{what}: expected a whole number, {least} or more, got {number!r:.100}"
        raise Invalid(msg)
    return number


def check_there(number: int, end: int, what: str, whose: str) -> int:
    """Return a version or position to start after, or raise `FromTheFuture` if it is past `end`.

    A reader that starts past the end would miss the events up to there.
    """
    if check_whole(number, what) > end:
        msg = (
            f"{what}={number:,}, but {whose} ends at {end:,}, so the events in between would be "
            f"missed: start at {end:,} or earlier. If it was longer before, an older backup was "
            "restored, or this is another journal"
        )
        raise FromTheFuture(msg)
    return number


def check_seconds(seconds: float, what: str) -> float:
    """Return a number of seconds to wait, or raise `Invalid` if it is no number.

    A negative number becomes 0. The most is 292 years, the longest that Python's locks can wait.
    """
    if type(seconds) in _NUMBERS and 0 <= seconds <= LONGEST:  # the usual case
        return seconds
    given = cast("object", seconds)
    if isinstance(given, bool) or not isinstance(given, (int, float)) or isnan(given):
        msg = f"{what}: expected a number of seconds, got {seconds!r:.100}"
        raise Invalid(msg)
    return float(min(max(seconds, 0), LONGEST))


def check_several(several: Iterable[T], what: str, error: type[ComityError]) -> list[T]:
    """Return an iterable as a list, or raise `error` if it is a single text or message, or none."""
    given = cast("object", several)
    single = (str, bytes, BaseModel)  # they can be iterated, over letters or fields
    if isinstance(given, single) or not isinstance(given, Iterable):
        msg = f"{what}: expected a list, got {several!r:.100}"
        raise error(msg)
    return list(several)


def check_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return a `Path`, or raise `WiringError` if the value cannot be a path."""
    try:
        text = os.fspath(path)
        os.fsencode(text)
    except (TypeError, UnicodeEncodeError):
        text = ""
    if not isinstance(cast("object", text), str) or not text or "\0" in text:
        msg = f"{what}: expected a path such as 'team.db', got {path!r:.100}"
        raise WiringError(msg)
    return Path(text)
