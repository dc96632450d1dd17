"""The closed room: all its bookings are cancelled, also those that come too late."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from examples.closed_room.__main__ import DECIDERS, tell
from examples.closed_room.domain import (
    Booked,
    BookingCancelled,
    CancelBooking,
    ReportCleared,
    RoomClosed,
    bookings,
    rooms,
)
from examples.closed_room.mails import Mails, Post
from examples.closed_room.process import closing

from comity.actors import Domain
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


def test_the_story_of_a_closed_hall_is_told_and_everybody_has_a_letter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    post = Post()
    with Domain.open(
        tmp_path / "hall", deciders=DECIDERS, processes=[closing], outlets=[Mails(post)]
    ) as domain:
        tell(domain, post, many=40)
    told = capsys.readouterr().out
    assert "The process has cancelled 40 bookings of it." in told
    assert "The post has 41 letters to 21 people. It failed 4 times" in told
    assert all("hall is cancelled: the roof leaks" in text for _, text in post.letters.values())
