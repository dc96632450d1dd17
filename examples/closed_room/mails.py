"""Tells everybody whose booking was cancelled, by an outlet; the post fails now and then."""

from __future__ import annotations

from dataclasses import dataclass, field

from examples.closed_room.domain import BookingCancelled

from comity.actors import Delivery, Outlet
from comity.engine import Recorded


@dataclass
class Post:
    """A post office. It fails at the first try of every tenth letter."""

    letters: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Addressee and text of each letter, by its id: the same letter again is recognised."""
    tries: int = 0
    failures: int = 0

    def send(self, id: str, to: str, text: str) -> None:
        self.tries += 1
        if self.tries % 10 == 0:
            self.failures += 1
            raise ConnectionError("the post is on strike")
        self.letters[id] = to, text


class Mails(Outlet[BookingCancelled]):
    """One letter for each cancelled booking; the letters to one person go in order."""

    start = "beginning"
    back_off = (0.05, 1.0)

    def __init__(self, post: Post) -> None:
        self.post = post

    def key(self, event: BookingCancelled, at: Recorded[BookingCancelled]) -> str:
        return event.who

    async def deliver(self, event: BookingCancelled, at: Delivery[BookingCancelled]) -> None:
        text = f"your booking {at.aggregate.key} of the {event.room} is cancelled: {event.reason}"
        self.post.send(at.id, event.who, text)
