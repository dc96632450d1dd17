"""A hall with 500 bookings is closed, and everybody is told. Run `python -m examples.closed_room`.

With a path, such as hall.db, it keeps the journal, so that you can use `comity history` on it.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from pathlib import Path
from typing import Final

from examples.closed_room.domain import Book, CloseRoom, RoomCleared, bookings, rooms
from examples.closed_room.mails import Mails, Post
from examples.closed_room.process import closing

from comity.actors import Domain

DECIDERS = (bookings, rooms)
MANY: Final = 500


def tell(domain: Domain, post: Post, many: int = MANY) -> None:
    for number in range(many):
        booking = domain.aggregate(bookings, f"b{number}")
        booking.send(Book(room="hall", who=f"guest {number // 2}"))
    booking = domain.aggregate(bookings, "cellar")
    booking.send(Book(room="cellar", who="dan")).result(timeout=60)
    print(f"{many} bookings of the hall are made, and one of the cellar.")

    hall = domain.aggregate(rooms, "hall")
    hall.send(CloseRoom(reason="the roof leaks")).result(timeout=60)
    print("The hall is closed: the roof leaks.")
    cleared = wait(domain)
    print(f"The process has cancelled {cleared.cancelled} bookings of it.")

    late = domain.aggregate(bookings, "late")
    late.send(Book(room="hall", who="eve")).result(timeout=60)
    print("Eve, who has not heard of it, books the hall.")
    wait(domain, after=1)
    print("Her booking is cancelled, too.")

    wait_until_told(domain)
    to = {addressee for addressee, _ in post.letters.values()}
    print(f"The post has {len(post.letters)} letters to {len(to)} people.", end=" ")
    print(f"It failed {post.failures} times, and got these letters again.")


def wait(domain: Domain, after: int = 0) -> RoomCleared:
    """Wait until the process reports that the hall has no bookings; `after` so many reports."""
    reports = 0
    for at in domain.subscribe(rooms, "hall"):
        if isinstance(at.event, RoomCleared):
            reports += 1
            if reports > after:
                return at.event
    raise AssertionError("the domain was closed")


def wait_until_told(domain: Domain) -> None:
    """Wait until the outlet has delivered all that is in the journal."""
    mails = domain.outlet(Mails)
    while (now := mails.status()).lag_events or now.waiting or now.in_flight:
        time.sleep(0.01)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m examples.closed_room",
        description="A process cancels the bookings of a closed room; an outlet tells everybody.",
    )
    parser.add_argument("path", nargs="?", type=Path, help="keep the journal in this new directory")
    chosen = parser.parse_args()
    if chosen.path and chosen.path.exists():
        parser.error(f"{chosen.path} exists already: name a new directory")
    logging.getLogger("comity").setLevel(logging.ERROR)  # or it warns of each failure of the post
    post = Post()
    with (
        tempfile.TemporaryDirectory() as folder,
        Domain.open(
            chosen.path or folder, deciders=DECIDERS, processes=[closing], outlets=[Mails(post)]
        ) as domain,
    ):
        tell(domain, post)
