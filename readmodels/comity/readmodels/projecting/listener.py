"""The protocol of a listener, which receives the journal's events. Subscriptions call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event


class Listener(Protocol):
    """Receives events in the order of the journal, one batch at a time.

    It receives every event of the domain's aggregate types, at least once. If `receive` raises, the
    same batch is delivered again later, so external effects must be idempotent. Delivery stops
    before an event that cannot be read; `Subscription.error` then says why.

    Example:
        class Titles:
            def __init__(self) -> None:
                self.titles: dict[str, str] = {}

            def receive(self, batch: Sequence[Recorded[Event]]) -> None:
                for recorded in batch:
                    match recorded.event:
                        case CardRenamed(card=card, title=title):
                            self.titles[card] = title
                        case _:
                            pass
    """

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Handle the batch; raise to get it again after a pause."""
        ...
