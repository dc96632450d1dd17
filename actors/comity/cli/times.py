"""Reads times as they are typed: `2h`, or a date and time as comity prints them, in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from comity.engine.messages.moment import microseconds_of, moment
from comity.engine.runtime.system import now

UNITS: Final[Mapping[str, str]] = {
    "s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks",
}  # fmt: skip
_AGO = re.compile(r"(\d{1,9})\s?(s|min|m|h|d|w)")
FORMS: Final = "such as 2h (ago; s, m, h, d or w), 2026-11-30 or 2026-11-30T14:05 (in UTC)"


def read_time(text: str) -> int:
    """Read a time, in microseconds since 1970.

    Raises:
        BadParameter: it is none.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            back = timedelta(**{UNITS[ago[2]]: int(ago[1])})
            return microseconds_of(moment(now()) - back)
        found = datetime.fromisoformat(text.strip())
        return microseconds_of(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        msg = f"expected a time {FORMS}, got {text!r:.100}"
        raise typer.BadParameter(msg) from None


def shown_time(microseconds: int) -> str:
    """Show a time in UTC, to the second."""
    return f"{moment(microseconds):%Y-%m-%d %H:%M:%S}"
