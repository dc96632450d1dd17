"""Numbers, lags and times as the commands that show a status print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from comity.cli.console import cell
from comity.engine.messages.moment import moment
from comity.engine.runtime.system import now
from comity.engine.text import duration

if TYPE_CHECKING:
    from datetime import datetime


def number(value: int | None) -> Text:
    """A number with commas; a dash for none."""
    return cell("–" if value is None else f"{value:,}", "cyan" if value else "")


def lag(events: int, seconds: float) -> str:
    """A lag in events and seconds; empty if there is none."""
    if not events:
        return ""
    many = "1 event" if events == 1 else f"{events:,} events"
    return f"behind by {many}, {duration(seconds)}"


def away(time: datetime) -> str:
    """How long ago a time was, or how long it is until then, such as `2 h 5 min`."""
    return duration(abs((time - moment(now())).total_seconds()))


def is_over(time: datetime) -> bool:
    """Whether a time is in the past."""
    return time <= moment(now())
