"""Moments as microseconds since 1970, and back: records keep numbers, domains see datetimes."""

from __future__ import annotations

from datetime import datetime, timedelta

from comity.engine.messages.bounds import EPOCH, MICROSECOND


def moment(microseconds: int) -> datetime:
    """The moment that is so many microseconds after 1970 began, in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(moment: datetime) -> int:
    """How many whole microseconds after 1970 began the moment is."""
    return (moment - EPOCH) // MICROSECOND
