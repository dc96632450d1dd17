"""A sender, and the version of each aggregate that it has seen last. Handles ask it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from comity.engine.merging.receipt import Receipt
from comity.engine.merging.report import Outcome
from comity.engine.merging.sent import Sender
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Pending
    from comity.engine.aggregate_id import AggregateId


class Viewer:
    """A sender's identity, and the version of each aggregate that it has seen last."""

    def __init__(self, who: str, id: str) -> None:
        self.who = who
        """The sender's name, shown in reports and history."""
        self.id = id
        """The session's unique id. Another process can open it to continue the session."""
        self._unseen = Sender(who, id)  # one for all commands to aggregates it has not looked at
        self._lock = Lock()
        self._seen: dict[AggregateId, int] = {}
        self._on_their_way: dict[AggregateId, deque[Pending[Receipt[Event]]]] = {}

    def sender(self, aggregate: AggregateId) -> Sender:
        """The sender of the next command to this aggregate, with the version it has seen."""
        if aggregate not in self._seen:
            return self._unseen
        with self._lock:
            self._advance(aggregate)
            return Sender(self.who, self.id, self._seen[aggregate])

    def seen(self, aggregate: AggregateId) -> int | None:
        """The version that the session has seen; None if it has seen none."""
        return self.sender(aggregate).seen

    def remember(self, aggregate: AggregateId, version: int) -> None:
        """Note that the session has seen this version."""
        with self._lock:
            self._seen[aggregate] = version

    def follow(self, aggregate: AggregateId, pendings: list[Pending[Receipt[Event]]]) -> None:
        """Remember commands on their way; when they are answered, their events count as seen."""
        if aggregate in self._seen:
            with self._lock:
                self._on_their_way.setdefault(aggregate, deque()).extend(pendings)

    def _advance(self, aggregate: AggregateId) -> None:
        """Advance the seen version over the session's own events, if no others came between."""
        pendings = self._on_their_way.get(aggregate)
        while pendings and pendings[0].done():
            answer = pendings.popleft().answer()
            if not isinstance(answer, Receipt) or answer.outcome is not Outcome.APPLIED:
                continue
            if answer.session != self.id:  # a retry of another session's command: not seen here
                continue
            # Applied: all events from answer.seen up to its version are this session's own.
            if answer.seen is not None and answer.seen <= self._seen[aggregate]:
                self._seen[aggregate] = max(self._seen[aggregate], answer.version)
