"""Sends the commands of a process: its orders, and the steps of its instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from comity.actors.aggregates.task import NOTHING, Task
from comity.actors.processes.order_task import OrderTask
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import UnreadableEvent
from comity.engine.history.history import recorded
from comity.engine.merging.sent import Sender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comity.actors.aggregates.services import Services
    from comity.actors.processes.agenda_rows import OrderRow, UnheardRow
    from comity.engine.history.recorded import Recorded
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.event_types import Loader
    from comity.engine.messages.message import Event
    from comity.engine.processes.events import OrderGiven
    from comity.engine.processes.process import AnyProcess

Post: TypeAlias = "Callable[[AggregateId, Sequence[Task]], object]"
"""Puts commands into an aggregate's inbox, or raises why not."""

FAR: Final = 100_000
"""Positions after which an order counts as old, if another program runs the process, too. The
journal keeps more ids than that."""


class Sending:
    """Sends the commands of one process, named after it.

    Args:
        services: the domain's services.
        process: the process.
        deciders: the domain's deciders, by name; the process's own is among them.
        post: puts commands into an aggregate's inbox.
        new_id: makes a command id.
    """

    def __init__(
        self,
        services: Services,
        process: AnyProcess,
        deciders: Mapping[str, AnyDecider],
        post: Post,
        new_id: Callable[[], str],
    ) -> None:
        self.process = process
        self._services = services
        self._deciders = deciders
        self._post = post
        self._new_id = new_id
        self.runs: Callable[[], bool] = _always
        """Whether this domain runs the process; if not, it gives no order."""
        self._sure_from = services.journal.position()
        """The position after which this runner has sent no order, and nobody else before it."""
        self._read: AggregateId | None = None
        self._events: Mapping[int, Recorded[Event]] = {}
        """The events that were read last, by version: the orders of one step are in one record."""

    def be_unsure(self) -> None:
        """Look all orders up before they are sent that the journal has now."""
        self._sure_from = self._services.journal.position()

    def step(self, key: str, command: Command) -> Task:
        """Send a command to an instance."""
        instance = AggregateId(self.process.name, key)
        sender, services = Sender(self.process.name, "", None), self._services
        task = Task(
            instance, command, sender, self._new_id(), services.runtime, self._until(), NOTHING
        )
        self._post(instance, [task])
        return task

    def order(self, row: OrderRow, after: int | None) -> OrderTask:
        """Send an order, with the same id each time. If it was carried out, its answer comes again.

        Args:
            row: the order.
            after: the position up to which it was looked for in vain; None: it was not looked for.
        """
        instance = AggregateId(self.process.name, row.key)
        given = self._event(self.process.decider, instance, row.version)
        order = self.process.order_of(cast("OrderGiven", given.event), row.key)
        session = order.id.rpartition("/")[0]
        sender = Sender(self.process.name, session, order.seen)
        unsure = self._is_old(row)
        self._sure_from = max(self._sure_from, row.position)
        if unsure and after is None:
            after = row.position
        task = OrderTask(
            order.aggregate, order.command, sender, order.id, self._services.runtime, self._until(),
            order.metadata, self.runs, after,
        )  # fmt: skip
        self._post(order.aggregate, [task])
        return task

    def _is_old(self, row: OrderRow) -> bool:
        """Whether it may have been sent so long ago that its id is forgotten."""
        return row.position <= max(self._sure_from, self._services.journal.position() - FAR)

    def event(self, row: UnheardRow) -> Recorded[Event]:
        """Read the event that an instance is to hear.

        Raises:
            UnreadableEvent: it cannot be loaded, or the domain has not its decider any more.
        """
        source, decider = AggregateId(row.type, row.source), self._deciders.get(row.type)
        if decider is None:
            msg = f"{row.name} of {source} (position {row.position}) cannot be read without the "
            raise UnreadableEvent(f"{msg}decider {row.type!r}: open the domain with it, too")
        return self._event(decider, source, row.version)

    def _until(self) -> float:
        return self._services.monotonic() + self._services.policy.deadline

    def _event(
        self, loader: Loader[Event], aggregate: AggregateId, version: int
    ) -> Recorded[Event]:
        """Read an event from the journal."""
        if self._read != aggregate or version not in self._events:
            records = self._services.journal.read(aggregate, version - 1, version)
            events = [one for record in records for one in recorded(loader, record)]
            self._read, self._events = aggregate, {one.version: one for one in events}
        return self._events[version]


def _always() -> bool:
    return True
