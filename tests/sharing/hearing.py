"""A listener in each process: it notes the positions that it was given."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tests.sharing.calls import Heard
from tests.sharing.worker import Post

from comity.engine import Event, Recorded

PATIENCE = 60.0


class Ears:
    """Notes the position of each event."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._more = threading.Condition()

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Take a batch."""
        with self._more:
            self._positions += [one.position for one in batch]
            self._more.notify_all()

    def upto(self, position: int) -> tuple[int, ...]:
        """Wait until an event was heard; return all positions so far."""
        with self._more:
            self._more.wait_for(lambda: position in {0, *self._positions[-1:]}, PATIENCE)
            return tuple(self._positions)


_EARS = Ears()
"""One for each process."""


def listen(post: Post) -> None:
    """Listen from the journal's first event on."""
    post.domain.listen(_EARS)


def heard(post: Post, upto: int) -> Heard:
    """What the process has heard, once it has heard everything up to a position."""
    return Heard(post.name, _EARS.upto(upto))


def end(post: Post) -> int:
    """The position of the journal's last event."""
    return post.domain.statistics().position
