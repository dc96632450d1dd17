"""What the journal broadcasts to. The domain's subscriptions feed it; read models stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event


class Listener(Protocol):
    """Takes events in the order of the journal, a batch at a time.

    Every event of the aggregate types that the domain was opened with comes, none is left out, and
    the next batch comes only when this one was taken. A batch whose `receive` raised comes again,
    later: effects outside must stand that. Before an event that cannot be read it ends, and
    `Subscription.error` says why.

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
        """Take the batch; raise to get it again after a rest."""
        ...
