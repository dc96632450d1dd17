"""What was sent to the domains of a world, and what its senders were told.

It is kept outside of all processes, as people keep what is on their screens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from comity.actors.aggregate import Aggregate, View
from comity.actors.runtime.pending import Pending
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import ComityError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.receipt import Receipt
from comity.simulation.world.process import Process


@dataclass(eq=False)
class Sent:
    """One command that was sent once. A retry is another one, with the same id."""

    process: Process
    session: str
    aggregate: AggregateId
    decider: AnyDecider
    command: Command
    pending: Pending[Receipt[Any]]
    floor: int
    """The aggregate's version that some sender was told before this was sent: it is decided on
    this version or a later one."""
    lost: bool = False
    """Whether its process crashed before it answered."""

    @property
    def id(self) -> str:
        """The command's id."""
        return self.pending.id

    @property
    def answer(self) -> Receipt[Any] | ComityError | None:
        """The answer that the sender got; None if it got none."""
        return self.pending.answer() if self.pending.done() and not self.lost else None


@dataclass(eq=False)
class Looked:
    """A state that somebody was shown."""

    aggregate: AggregateId
    decider: AnyDecider
    view: View[Any]
    floor: int
    """See `Sent.floor`."""


class Ledger:
    """All that was sent and shown. `promises` checks it against the journal."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        """In the order of sending."""
        self.looked: list[Looked] = []
        self._open: dict[AggregateId, list[Sent]] = defaultdict(list)
        self._told: dict[AggregateId, int] = defaultdict(int)

    def send(
        self,
        process: Process,
        handle: Aggregate[Any, Any, Any],
        session: str,
        command: Command,
        pending: Pending[Receipt[Any]],
    ) -> Sent:
        """Note that this command was just sent with this handle, and return what is noted."""
        one = Sent(
            process, session, handle.id, handle.decider, command, pending, self._floor(handle.id)
        )
        one.lost = not (process.alive or pending.done())  # it crashed while this was sent
        self.sent.append(one)
        self._open[one.aggregate].append(one)
        return one

    def look(self, handle: Aggregate[Any, Any, Any], view: View[Any]) -> None:
        """Note that somebody was just shown this state."""
        self.looked.append(Looked(handle.id, handle.decider, view, self._floor(handle.id)))

    def lose(self, process: Process) -> None:
        """Note that a process has crashed: it gives no more answers."""
        for several in self._open.values():
            for one in several:
                one.lost = one.lost or (one.process is process and not one.pending.done())

    def answered(self) -> Iterator[Sent]:
        """Every command whose sender got an answer."""
        return (one for one in self.sent if one.answer is not None)

    def _floor(self, aggregate: AggregateId) -> int:
        """The newest version that anybody was told."""
        still: list[Sent] = []
        for one in self._open[aggregate]:
            answer = one.answer
            if isinstance(answer, Receipt):
                self._told[aggregate] = max(self._told[aggregate], answer.version)
            elif answer is None and not one.lost:
                still.append(one)
        self._open[aggregate] = still
        return self._told[aggregate]
