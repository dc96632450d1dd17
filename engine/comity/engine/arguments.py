"""What a host gives besides messages: numbers, lists and paths, checked where they come in.

A wrong one is refused at once and with words: further inside it would fail as something else, and
perhaps as somebody else's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import isnan
from pathlib import Path
from typing import Final, TypeVar, cast

from comity.engine.errors import ComityError, FromTheFuture, Invalid, WiringError
from comity.engine.runtime.system import LONGEST

T = TypeVar("T")

_NUMBERS: Final = (int, float)


def check_whole(number: int, what: str, least: int = 0) -> int:
    """Return a version, position or number of things, or raise `Invalid`."""
    if type(number) is not int or number < least:
        msg = f"{what}: expected a whole number, {least} or more, got {number!r:.100}"
        raise Invalid(msg)
    return number


def check_there(number: int, end: int, what: str, whose: str) -> int:
    """Return the version or position to begin after, or raise `FromTheFuture`.

    Who began after what is not there yet would never hear of what comes up to it.
    """
    if check_whole(number, what) > end:
        msg = (
            f"{what}={number:,}, but {whose} ends at {end:,}, and what comes up to there would be "
            f"left out: begin at {end:,} or earlier; if it was there before, an older backup was "
            "restored, or this is another journal"
        )
        raise FromTheFuture(msg)
    return number


def check_seconds(seconds: float, what: str) -> float:
    """Return how long to wait, or raise `Invalid`: less than nothing is nothing.

    For ever is 292 years, the longest that Python's locks can wait.
    """
    if type(seconds) in _NUMBERS and 0 <= seconds <= LONGEST:  # as nearly always
        return seconds
    given = cast("object", seconds)
    if isinstance(given, bool) or not isinstance(given, (int, float)) or isnan(given):
        msg = f"{what}: expected a number of seconds, got {seconds!r:.100}"
        raise Invalid(msg)
    return float(min(max(seconds, 0), LONGEST))


def check_several(several: Iterable[T], what: str, error: type[ComityError]) -> list[T]:
    """Return what an iterable gives, or raise the error: it is none, or a text."""
    given = cast("object", several)
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        msg = f"{what}: expected a list, got {several!r:.100}"
        raise error(msg)
    return list(several)


def check_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return the path, or raise `WiringError`: no file system could have it."""
    try:
        text = os.fspath(path)
        os.fsencode(text)
    except (TypeError, UnicodeEncodeError):
        text = ""
    if not isinstance(cast("object", text), str) or not text or "\0" in text:
        msg = f"{what}: expected a path such as 'team.db', got {path!r:.100}"
        raise WiringError(msg)
    return Path(text)
