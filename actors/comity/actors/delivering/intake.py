"""Reads an outlet's events ahead of their deliveries, and gives each to the lane of its key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

from comity.engine.errors import OutletError, describe_error

if TYPE_CHECKING:
    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.lanes import Lanes
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.delivering.reader import EventReader
    from comity.actors.delivering.window import Window
    from comity.actors.delivering.writer import Writer
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event

LONGEST_KEY: Final = 500
"""The most bytes of a key."""


class Intake:
    """Takes the events of one outlet in.

    Args:
        outlet: tells the key of an event.
        reader: reads events.
        window: holds those that were read and are not finished.
        lanes: the lanes of the keys.
        writer: is told when there is something to write.
    """

    BATCH: Final = 256
    """How many events are read at once."""

    def __init__(
        self,
        outlet: Outlet[Event],
        reader: EventReader,
        window: Window,
        lanes: Lanes,
        writer: Writer,
    ) -> None:
        self.window = window
        self.listens = True
        """Whether it has read all events, so that news in the journal matter."""
        self._outlet = outlet
        self._reader = reader
        self._lanes = lanes
        self._writer = writer

    def read(self) -> float:
        """Read a batch; returns the seconds until it is worth reading another."""
        self.listens = True  # before reading, so that no news are missed in between
        rest = self._reader.step(self, min(self.BATCH, self.window.room))
        self.listens = rest == math.inf
        return rest

    def take(self, batch: Batch) -> None:
        """Take events that were read: each goes to the lane of its key."""
        for entry in self.window.add(batch.events):
            key, error = self._key(entry.at)
            if error:
                self._lanes.add_unread(key, entry, error)
            else:
                self._lanes.add(key, entry)
        if batch.position > self.window.read:
            self._writer.within(self._writer.IDLE)
        self.window.moved(batch)
        self.window.advance()

    def make_room(self) -> bool:
        """Keep the lane that fills the window, so that no other key is found. False: none does."""
        first = self.window.first
        if self.window.room or first is None or first.done or not self._lanes.keep_slow(first):
            return False
        self.window.advance()
        return True

    def first_of(self, lane: Lane) -> Recorded[Event]:
        """The first event of a kept lane.

        Raises:
            StorageFailed: it cannot be read now.
            UnreadableEvent, OutletError: it cannot be read at all, or its key cannot be told.
        """
        at = self._reader.event_at(lane.first)
        if error := self._key(at)[1]:
            raise OutletError(error)
        return at

    def _key(self, at: Recorded[Event]) -> tuple[str, str]:
        """The key of an event, or its aggregate and why it has no key."""
        try:
            key = cast("object", self._outlet.key(at.event, at))
            size = len(key.encode()) if isinstance(key, str) else 0
        except BaseException as error:
            return str(at.aggregate), f"key failed: {describe_error(error)}"
        if isinstance(key, str) and 1 <= size <= LONGEST_KEY:
            return key, ""
        why = f"key: expected a text of 1 to {LONGEST_KEY} bytes, got {key!r:.100}"
        return str(at.aggregate), why
