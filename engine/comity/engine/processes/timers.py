"""Setting and cancelling the timers of a process. `react` yields them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from comity.engine.aggregate_id import check_text
from comity.engine.errors import Invalid
from comity.engine.messages.bounds import EPOCH, MICROSECOND


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Let the process hear `Rang` at a time. The same name again replaces the timer.

    Args:
        name: what `Rang.timer` says.
        after: how long after the time of what was heard. Not more than 0: it rings at once.
        at: the time, with a zone, instead of `after`.

    Raises:
        Invalid: there are both or neither, or they are no duration, or no time with a zone.

    Example:
        yield SetTimer("reminder", after=timedelta(days=3))
    """

    name: str
    after: timedelta | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        check_text(self.name, "a timer's name")
        after, at = cast("object", self.after), cast("object", self.at)
        if (after is None) == (at is None):
            raise Invalid(f"SetTimer({self.name!r}): give it either after= or at=")
        if after is not None and not isinstance(after, timedelta):
            msg = f"expected a duration such as timedelta(days=3), got {after!r:.100}"
            raise Invalid(f"SetTimer({self.name!r}): {msg}")
        if at is not None and not (isinstance(at, datetime) and at.tzinfo):
            msg = (
                f"expected a time with a zone, such as datetime(2027, 1, 1, tzinfo=UTC), got {at!r}"
            )
            raise Invalid(f"SetTimer({self.name!r}): {msg:.300}")

    def due(self, heard: datetime) -> datetime:
        """When it is due, in UTC, if it is set because of what was heard at a time.

        Raises:
            Invalid: that is before the year 1 or after the year 9999.
        """
        try:
            when = heard + self.after if self.at is None and self.after is not None else self.at
            assert when is not None
            return EPOCH + (when - EPOCH) // MICROSECOND * MICROSECOND
        except OverflowError:
            msg = f"SetTimer({self.name!r}): it would be due outside of the years 1 to 9999"
            raise Invalid(msg) from None


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Let a timer not ring. Nothing happens if there is no such timer.

    Raises:
        Invalid: the name cannot be that of a timer.

    Example:
        yield CancelTimer("reminder")
    """

    name: str

    def __post_init__(self) -> None:
        check_text(self.name, "a timer's name")
