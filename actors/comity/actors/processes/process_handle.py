"""The host's handle of a process: its status, its instances, what they wait for, and helping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from comity.actors.processes.process_status import InstanceStatus, ProcessStatus
from comity.actors.processes.waits import (
    MOST,
    WaitingTimer,
    Waits,
    instances_in,
    timers_in,
    waits_in,
)
from comity.engine.aggregate_id import AggregateId, check_key
from comity.engine.history.history import recorded, state_at
from comity.engine.processes.commands import EndByHand
from comity.engine.processes.reaction import End
from comity.readmodels.tables.query import Page

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.processes.agenda_rows import InstanceState
    from comity.actors.processes.errand import Stuck
    from comity.actors.processes.running_process import RunningProcess
    from comity.engine.history.recorded import Recorded
    from comity.engine.processes.events import ProcessEvent

S = TypeVar("S")


class ProcessHandle(Generic[S]):
    """One process of a domain: `domain.process(trip)`.

    Example:
        for one in domain.process(trip).stuck():
            print(one.key, one.doing, one.reason)
    """

    def __init__(self, services: Services, running: RunningProcess) -> None:
        self.name = running.process.name
        """The name of the process."""
        self._services = services
        self._running = running

    def status(self) -> ProcessStatus:
        """The process's status now."""
        return self._running.status()

    def instances(
        self, state: InstanceState | None = None, *, limit: int = 100, after: str | None = None
    ) -> Page[InstanceStatus]:
        """The instances on a page, at most 1,000: in the order of their keys, or of their begin.

        Args:
            state: only those that are `new`, `running` or `ended`; these are in the order in which
                they began.
            limit: the most on a page.
            after: the `next` of the page before.
        """
        with self._running.snapshot() as agenda:
            return instances_in(agenda, state, limit, after)

    def state(self, key: str) -> S | None:
        """The state of an instance, a copy; None if it has never begun."""
        instance, version = state_at(
            self._running.process.decider, self._services.journal, self._id(key)
        )
        return cast("S", instance.state) if version else None

    def history(self, key: str) -> Iterator[Recorded[ProcessEvent]]:
        """What an instance has heard, ordered and set, in order."""
        return (
            one
            for record in self._services.journal.read(self._id(key))
            for one in recorded(self._running.process.decider, record)
        )

    def waits_for(self, key: str) -> Waits:
        """What an instance waits for. What it cannot do is known where the process runs."""
        self._id(key)
        stuck = () if self._running.led_by else self.stuck()
        with self._running.snapshot() as agenda:
            return waits_in(agenda, key, stuck)

    def stuck(self) -> Sequence[Stuck]:
        """What instances cannot do until a person helps, with the reasons; at most 10,000.

        Raises:
            LedElsewhere: another program runs the process, and it is known only there.
        """
        self._running.check_runs()
        return self._running.runner.errands.stuck(self._services.monotonic())

    def timers(self, limit: int = MOST) -> Sequence[WaitingTimer]:
        """The timers that are set, the next one first."""
        with self._running.snapshot() as agenda:
            return timers_in(agenda, limit)

    def try_again(self, key: str | None = None) -> None:
        """Try at once what rests after a failure: of one instance, or of all.

        If the agenda has stopped, it goes on, too.

        Raises:
            LedElsewhere: another program runs the process; the text names it.
        """
        if key is not None:
            self._id(key)
        self._running.try_again(key)

    def end(self, key: str, reason: str = "", *, timeout: float = 10.0) -> bool:
        """End an instance by hand, and give up its open orders; False if it has ended already.

        An event that it is to hear next is given up, too, since it may be one that it cannot hear.
        An order that is on its way may still take effect.

        Raises:
            Invalid: no instance can have this key, or the reason is no text.
            TimeoutError: no answer yet; it may still end.
        """
        self._id(key)
        why = End(reason).reason  # checked as that of `react`
        with self._running.snapshot() as agenda:
            row = agenda.instances.get(key)
        upto = row.first or 0 if row is not None else 0
        task = self._running.sending.step(key, EndByHand(reason=why, upto=upto))
        return bool(task.result(timeout).events)

    def pause(self) -> None:
        """Begin nothing more. What has begun comes to its end; nothing is lost.

        A pause ends when another program takes over.

        Raises:
            LedElsewhere: another program runs the process; the text names it.
        """
        self._running.pause()

    def resume(self) -> None:
        """Go on after a pause, or after the agenda has stopped.

        Raises:
            LedElsewhere: another program runs the process; the text names it.
        """
        self._running.resume()

    def _id(self, key: str) -> AggregateId:
        return AggregateId(self._running.process.name, check_key(key))
