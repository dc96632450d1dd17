"""The processes of one domain. The assembly owns them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from comity.actors.processes.agenda import folder_of
from comity.actors.processes.running_process import RunningProcess
from comity.actors.processes.sending import Sending
from comity.actors.runtime.callbacks import attempt
from comity.engine.errors import WiringError
from comity.engine.merging.decider import AnyDecider
from comity.engine.processes.naming import processes_by_name
from comity.engine.processes.process import AnyProcess, ProcessType

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.processes.sending import Post
    from comity.actors.reading.lookout import Lookout
    from comity.readmodels.tables.read_model import AnyReadModel

_log = logging.getLogger("comity")


class Processes:
    """The processes of a domain, each with its agenda and its runner."""

    def __init__(self, services: Services, processes: Mapping[str, AnyProcess]) -> None:
        self._services = services
        self._processes = processes
        self.names = tuple(processes)
        """The names of the processes, which are the types of their instances."""
        self._running: dict[str, RunningProcess] = {}

    def begin(
        self,
        folder: Path | None,
        deciders: Mapping[str, AnyDecider],
        post: Post,
        new_id: Callable[[], str],
        lookout: Lookout | None = None,
        leases: Path | None = None,
    ) -> None:
        """Open the agendas, and begin.

        Args:
            folder: the folder for the agendas, that of the read models.
            deciders: the domain's deciders, by name; those of the processes are among them.
            post: puts commands into an aggregate's inbox.
            new_id: makes a command id.
            lookout: looks at agendas that other programs keep; None if there are no others.
            leases: the folder in which programs agree who runs a process; None if there are no
            others.
        """
        services = self._services
        if not self._processes:
            return
        if folder is None:
            msg = (
                "processes need a folder for their agendas, and this journal has none: pass "
                "models=, the path of a folder"
            )
            raise WiringError(msg)
        services.recent.wanted = True
        for name, process in self._processes.items():
            sending = Sending(services, process, deciders, post, new_id)
            others = [one for one in self._processes if one != name]
            running = RunningProcess(
                services, sending, deciders.values(), others, folder, lookout, leases
            )
            self._running[name] = running
            running.agenda.wake()

    def of(self, process: ProcessType) -> RunningProcess:
        """A process of the domain.

        Raises:
            WiringError: the domain was opened without it.
        """
        found = self._running.get(getattr(process, "name", ""))
        if found is None or found.process is not process:
            known = ", ".join(self._running) or "none"
            what = f"{process!r:.100} is not among the processes of this domain"
            if found is not None:  # made twice, by a module that was loaded twice, or in a test
                what += (
                    ", which has another one of this name: pass the object that it was opened with"
                )
            msg = f"{what} ({known})"
            raise WiringError(msg)
        return found

    def all(self) -> Iterable[RunningProcess]:
        """Every process."""
        return self._running.values()

    @property
    def follows(self) -> bool:
        """Whether any of them follows the journal."""
        return any(one.agenda.keeper.leads for one in self._running.values())

    def wake(self) -> None:
        """Wake all agendas, because the journal has more events."""
        for one in self._running.values():
            if one.agenda.keeper.leads:
                one.agenda.wake()

    def look_after(self) -> None:
        """Do the periodic work of each process."""
        for one in list(self._running.values()):
            attempt(one.look_after)

    def stop(self, timeout: float) -> None:
        """Begin nothing more. What is on its way comes to its end with the other commands."""
        until = self._services.monotonic() + timeout
        for one in self._running.values():
            one.runner.end(max(0.0, until - self._services.monotonic()))

    def close(self, timeout: float) -> None:
        """Flush and close all agendas, in at most about `timeout` seconds."""
        until = self._services.monotonic() + timeout
        for one in self._running.values():
            try:
                one.close(max(0.1, until - self._services.monotonic()))
            except BaseException:
                _log.exception("%s could not be closed", one.agenda.actor_urn)

    def kill(self) -> None:
        """End as a killed process does; see `Closing.kill`."""
        for one in self._running.values():
            one.kill()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        for one in self._running.values():
            one.abandon()


def deciders_of(processes: Mapping[str, AnyProcess]) -> Mapping[str, AnyDecider]:
    """The deciders of the instances, by the names of the processes."""
    return {name: cast("AnyDecider", one.decider) for name, one in processes.items()}


def check_processes(
    processes: Iterable[ProcessType],
    deciders: Mapping[str, AnyDecider],
    models: Iterable[type[AnyReadModel]],
) -> Mapping[str, AnyProcess]:
    """The processes by name.

    Raises:
        WiringError: an item is no process, a name is taken, or a process hears or orders what no
            decider of the domain has.
    """
    named = processes_by_name(processes, deciders)
    for process in named.values():
        _check(process, deciders, models)
    return named


def _check(
    process: AnyProcess,
    deciders: Mapping[str, AnyDecider],
    models: Iterable[type[AnyReadModel]],
) -> None:
    name = process.name
    if any(model.stored_as == folder_of(name) for model in models):
        msg = f"a read model is stored as {folder_of(name)!r}, the folder of the process {name!r}"
        raise WiringError(f"{msg}; give the model another stored_as")
    for ordered in process.orders.values():
        own = deciders.get(ordered.name)
        if own is None or own.identity is not ordered.identity:
            msg = f"the process {name!r} orders {ordered!r}, which this domain was opened without"
            raise WiringError(f"{msg}; add it to deciders=[...]")
    known = {kind for decider in deciders.values() for kind in decider.events}
    missing = sorted(kind.__name__ for kind in process.event_set - known)
    if missing:
        msg = f"the process {name!r} hears {', '.join(missing)}, and no decider of this domain has"
        raise WiringError(f"{msg} that: open the domain with the decider, or hear less")
