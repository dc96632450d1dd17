"""Who sends, and which version of each aggregate they were last shown. Handles ask it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from comity.engine.merging.receipt import Receipt
from comity.engine.merging.report import Outcome
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Pending
    from comity.engine.aggregate_id import AggregateId


class Viewer:
    """A sender's identity, and which version of each aggregate it was last shown."""

    def __init__(self, who: str, id: str) -> None:
        self.who = who
        """The name that reports and history show."""
        self.id = id
        """Unique; open a session with the same id again to go on with it in another process."""
        self._lock = Lock()
        self._seen: dict[AggregateId, int] = {}
        self._on_their_way: dict[AggregateId, deque[Pending[Receipt[Event]]]] = {}

    def seen(self, aggregate: AggregateId) -> int | None:
        """The version that this session has seen; None before it has looked."""
        with self._lock:
            self._advance(aggregate)
            return self._seen.get(aggregate)

    def remember(self, aggregate: AggregateId, version: int) -> None:
        """It is shown this version now."""
        with self._lock:
            self._seen[aggregate] = version

    def follow(self, aggregate: AggregateId, pendings: list[Pending[Receipt[Event]]]) -> None:
        """Remember what is on its way, to advance over it when it is answered."""
        with self._lock:
            if aggregate in self._seen:
                self._on_their_way.setdefault(aggregate, deque()).extend(pendings)

    def _advance(self, aggregate: AggregateId) -> None:
        """Where only its own commands came between, it has seen what they made."""
        pendings = self._on_their_way.get(aggregate)
        while pendings and pendings[0].done():
            answer = pendings.popleft().answer()
            if not isinstance(answer, Receipt) or answer.outcome is not Outcome.APPLIED:
                continue
            if answer.session != self.id:  # a retry of what another session did: not seen here
                continue
            # Applied: all that happened from answer.seen up to its version was its own.
            if answer.seen is not None and answer.seen <= self._seen[aggregate]:
                self._seen[aggregate] = max(self._seen[aggregate], answer.version)
