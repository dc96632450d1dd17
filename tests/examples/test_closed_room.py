"""The closed room: all its bookings are cancelled, also those that come too late."""

from __future__ import annotations

from examples.closed_room.domain import (
    Booked,
    BookingCancelled,
    CancelBooking,
    ReportCleared,
    RoomClosed,
    bookings,
    rooms,
)
from examples.closed_room.process import closing

from comity.engine import Order
from comity.testing import by, given

CLOSED = by("lea", RoomClosed(reason="water"), key="hall")
CANCEL = CancelBooking(reason="water")


ONE, TWO = (by("ann", Booked(room="hall", who="ann"), key=key) for key in ("b1", "b2"))
GONE, GONE_TOO = (
    by("", BookingCancelled(room="hall", who="ann", reason="water"), key=key)
    for key in ("b1", "b2")
)


def test_nothing_happens_while_the_room_is_open() -> None:
    given(closing, ONE).when(TWO).then()


def test_each_booking_of_a_closed_room_is_cancelled() -> None:
    given(closing, ONE, TWO).when(CLOSED).then(
        Order(bookings, "b1", CANCEL), Order(bookings, "b2", CANCEL)
    )


def test_a_booking_that_was_cancelled_before_is_left_alone() -> None:
    given(closing, ONE, TWO, GONE).when(CLOSED).then(Order(bookings, "b2", CANCEL))


def test_a_booking_that_comes_too_late_is_cancelled_at_once() -> None:
    given(closing, CLOSED).when(ONE).then(Order(bookings, "b1", CANCEL))


def test_the_room_is_told_when_all_are_cancelled() -> None:
    given(closing, ONE, TWO, CLOSED).when(GONE).then()
    given(closing, ONE, TWO, CLOSED, GONE).when(GONE_TOO).then(
        Order(rooms, "hall", ReportCleared(cancelled=2))
    )


def test_five_hundred_bookings_are_cancelled_in_one_step() -> None:
    many = [by("ann", Booked(room="hall", who="ann"), key=f"b{one}") for one in range(500)]
    assert len(given(closing, *many).when(CLOSED).reactions) == 500
