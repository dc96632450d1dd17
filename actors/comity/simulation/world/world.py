"""A simulated world: processes with domains over one disk, in virtual time, by one seed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self, cast

from comity.actors.delivering.any_outlet import AnyOutlet
from comity.actors.domain import Domain, kill
from comity.actors.observing.observer import Observer
from comity.actors.runtime.policy import Policy
from comity.engine.errors import Invalid
from comity.engine.merging.decider import AggregateType
from comity.engine.processes.process import AnyProcess, ProcessType
from comity.readmodels.tables.read_model import AnyReadModel
from comity.simulation.runtime.order import Order
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.simulation.runtime.tape import Tape
from comity.simulation.runtime.timeline import Timeline
from comity.simulation.world import promises
from comity.simulation.world.disk import Disk, DiskFaults
from comity.simulation.world.disk_journal import DiskJournal
from comity.simulation.world.ledger import Ledger
from comity.simulation.world.models import check_model
from comity.simulation.world.process import Process
from comity.simulation.world.process_promises import check_process

IN_MEMORY: Final = "/dev/shm"  # noqa: S108 - only where it is, for a folder with a random name
"""Models are written faster here than on a disk; a simulation needs no disk."""


class World:
    """Several processes over one journal. Use it in a `with` block, which removes its files.

    Args:
        seed: what the run depends on; or a tape.
        deciders, read_models, processes, outlets, policy, checked, observers: each domain is opened
            with them. The outlets are objects, which do not crash: they stand for what is outside.
        faults: how often the disk has which fault.
        order: which step comes next; any one by default.
        timeline: does the steps, in place of one that is made from the seed and the order.

    Example:
        with World(7, deciders=[board]) as world:
            server = world.start("server")
            ann = server.domain.session("ann").aggregate(board, "sprint-42")
            world.ledger.send(server, ann, "ann", command, ann.send(command))
            server.crash()
            world.start("server")
            world.check()
    """

    def __init__(
        self,
        seed: int | Tape = 0,
        *,
        deciders: Iterable[AggregateType],
        read_models: Sequence[type[AnyReadModel]] = (),
        processes: Sequence[ProcessType] = (),
        outlets: Sequence[AnyOutlet] = (),
        policy: Policy | None = None,
        checked: bool = False,
        observers: Sequence[Observer] = (),
        faults: DiskFaults | None = None,
        order: Order | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        self.runtime = SimulatedRuntime(seed, order, timeline=timeline, name="outside")
        """Outside of all processes, where people and the network are. It never crashes."""
        self.disk = Disk(self.runtime.tape, faults or DiskFaults(), self.cut_power)
        self.ledger = Ledger()
        """What people have sent, and what they were told."""
        self.processes: dict[str, Process] = {}
        """The last life of each process, by its name."""
        self._deciders = tuple(deciders)
        self._models = tuple(read_models)
        self._running = tuple(cast("AnyProcess", one) for one in processes)
        self._outlets = tuple(outlets)
        self._policy = policy
        self._checked = checked
        self._observers = observers
        self._folder: TemporaryDirectory[str] | None = None
        self._fresh = 0

    def start(self, name: str = "server") -> Process:
        """Start a process, for the first time or again. One with this name must not run now."""
        runtime = self.runtime.beside(name)
        process = Process(name, runtime, lambda: self._open_domain(name, runtime))
        self.processes[name] = process
        return process

    def crash(self, name: str = "server") -> None:
        """Crash a process, if it runs: it answers nothing more, and loses what is not written.

        Raises:
            Invalid: there has never been a process with this name.
        """
        process = self.processes.get(name)
        if process is None:
            known = ", ".join(self.processes) or "none"
            raise Invalid(f"there is no process {name!r}; those that were started: {known}")
        if process.alive:
            self.ledger.lose(process)
            process.crash()

    def cut_power(self) -> None:
        """Crash all processes, and lose what is not flushed."""
        for name in self.processes:
            self.crash(name)
        self.disk.lose_unflushed()

    def check(self) -> None:
        """Check that comity has kept its promises so far, in what was sent, told and ordered.

        Raises:
            PromiseBroken: it has not.
        """
        promises.check(self.disk.data, self.ledger)
        for process in self._running:
            check_process(self.disk.data, process)

    def check_models(self) -> None:
        """Wait until all models have all events, and check that they equal the fold.

        Raises:
            PromiseBroken: one does not, or does not come to the journal's end.
        """
        running = [process for process in self.processes.values() if process.alive]
        if not (running and self._models):
            return
        position = self.disk.data.position()
        self._fresh += 1
        fresh = self._open_domain(f"fresh {self._fresh}", SimulatedRuntime(name="fresh"))
        try:
            for process in running:
                for model in self._models:
                    check_model(process, fresh, model, position)
        finally:
            kill(fresh)

    def close(self) -> None:
        """Close the domains that run, and remove all files."""
        try:
            for process in self.processes.values():
                process.close()
        finally:
            if self._folder is not None:
                self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.crash()
        self.close()

    def _open_domain(self, name: str, runtime: SimulatedRuntime) -> Domain:
        return Domain(
            DiskJournal(self.disk, runtime),
            deciders=self._deciders,
            read_models=self._models,
            processes=self._running,
            models=self._folder_of(name) if self._models or self._running else None,
            outlets=self._outlets,
            ledgers=self._folder_of("outlets") if self._outlets else None,
            policy=self._policy,
            checked=self._checked,
            observers=self._observers,
            runtime=runtime,
        )

    def _folder_of(self, name: str) -> Path:
        if self._folder is None:
            place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
            self._folder = TemporaryDirectory(prefix="comity-world-", dir=place)
        return Path(self._folder.name) / name
