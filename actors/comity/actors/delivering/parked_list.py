"""Lists what is parked in a ledger; it needs no classes of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from comity.actors.delivering.forms import PARKED
from comity.actors.delivering.parked_delivery import ParkedDelivery
from comity.actors.delivering.record_pages import RecordPages
from comity.engine.history.note import origin
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.ledger import Ledger
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record


def parked_or_none(lane: Lane | None) -> Lane | None:
    """The lane, if there is one and it is parked."""
    return lane if lane is not None and lane.state == PARKED else None


def parked_in(
    ledger: Ledger, journal: Journal, key: str | None, after: ParkedDelivery | None
) -> Iterator[ParkedDelivery]:
    """The parked events of one key or of all, after the last one of another page."""
    pages = RecordPages(journal)
    if after is not None and (lane := parked_or_none(ledger.lane_of(after.key))):
        yield from _of_lane(ledger, pages, lane, after.position + 1)
    if key is None:
        for lane in ledger.parked_lanes(0 if after is None else after.first):
            yield from _of_lane(ledger, pages, lane, lane.first)
    elif after is None and (lane := parked_or_none(ledger.lane_of(key))):
        yield from _of_lane(ledger, pages, lane, lane.first)


def _of_lane(
    ledger: Ledger, pages: RecordPages, lane: Lane, position: int
) -> Iterator[ParkedDelivery]:
    while events := ledger.events(lane, position):
        for each, microseconds in events:
            yield _told(lane, pages.at(each), each, microseconds)
        position = events[-1][0] + 1


def _told(lane: Lane, record: Record | None, position: int, microseconds: int) -> ParkedDelivery:
    first = position == lane.first
    offset = 0 if record is None else position - record.position
    return ParkedDelivery(
        key=lane.key,
        position=position,
        time=moment(microseconds),
        error=lane.error if first else "",
        tries=lane.tries if first else 0,
        since=moment(lane.since),
        event="" if record is None else record.events[offset - 1].name,
        aggregate=None if record is None else record.aggregate,
        version=0 if record is None else record.version + offset,
        who="" if record is None else origin(record.note)[0],
        first=lane.first,
    )
