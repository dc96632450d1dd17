"""A scenario: who does what, with which deciders, and what may go wrong. It can be played."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias, cast

from comity.actors.domain import Domain
from comity.engine.errors import WiringError
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.merging.decider import AggregateType
from comity.engine.runtime.system import monotonic
from comity.readmodels.tables.read_model import AnyReadModel
from comity.simulation.people.crowd import Crowd
from comity.simulation.people.network import Network
from comity.simulation.people.person import Person
from comity.simulation.playing.life import Life
from comity.simulation.playing.stage import Stage
from comity.simulation.playing.virtual_time import VirtualTime
from comity.simulation.records.run import Run
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime

Progress: TypeAlias = Callable[[float, int], None]
"""Called now and then with the simulated seconds and the number of attempts so far."""

GRACE = 3_600.0
"""Seconds after the working time in which people may finish what they do."""


class Scenario:
    """People who work on the same aggregates at the same time.

    Args:
        name: for reports.
        deciders: the aggregate types that people work on.
        crowds: the people.
        hours: how long they work, in simulated hours.
        read_models: the read models to keep up to date.
        network: the network between people and the domain.

    Raises:
        WiringError: an argument is wrong.

    Example:
        team = Scenario("team board", deciders=[board], crowds=[Crowd(editor, 50)], hours=8)
        run = team.play(seed=7)
        print(run.outcomes)
    """

    def __init__(
        self,
        name: str,
        *,
        deciders: Sequence[AggregateType],
        crowds: Sequence[Crowd],
        hours: float = 1.0,
        read_models: Sequence[type[AnyReadModel]] = (),
        network: Network | None = None,
    ) -> None:
        if not crowds or not all(isinstance(cast("object", one), Crowd) for one in crowds):
            msg = f"crowds: expected at least one Crowd(script, people), got {crowds!r:.100}"
            raise WiringError(msg)
        self.name = name
        self.deciders = tuple(deciders)
        self.crowds = tuple(crowds)
        self.hours = check_hours(hours)
        self.read_models = tuple(read_models)
        self.network = network or Network()

    @property
    def people(self) -> int:
        """How many people there are."""
        return sum(crowd.people for crowd in self.crowds)

    def play(
        self,
        seed: int = 0,
        *,
        people: int | None = None,
        hours: float | None = None,
        deciders: Sequence[AggregateType] | None = None,
        policy: str = "own rules",
        progress: Progress | None = None,
    ) -> Run:
        """Play the scenario in virtual time. The same seed gives the same run.

        Args:
            seed: determines all choices of the people and the order of all steps.
            people: so many people instead of the scenario's; the crowds keep their proportions.
            hours: how long they work, instead of the scenario's hours.
            deciders: are played in place of the scenario's deciders of the same names, to compare
                rules.
            policy: the name of these rules, kept in the run.
            progress: is called now and then with the simulated seconds and the attempts so far.

        Raises:
            WiringError: an argument is wrong.
        """
        began = monotonic()
        runtime = SimulatedRuntime(seed)
        seconds = check_hours(self.hours if hours is None else hours) * 3600
        stage = Stage(runtime.monotonic, seconds, replaced(self.deciders, deciders or ()))
        stage.steps = lambda: runtime.steps
        domain = Domain(MemoryJournal(), deciders=list(stage.deciders.values()), runtime=runtime)
        stage.open(domain)
        moving = VirtualTime(runtime, stage)
        sizes = scaled([crowd.people for crowd in self.crowds], people)
        for crowd, size in zip(self.crowds, sizes, strict=True):
            for number, (name, arrives) in enumerate(crowd.arrivals(seed, size), 1):
                person = Person(name, number, stage, crowd.network or self.network, seed)
                moving.add(Life(name, crowd.script(person)), arrives)
        moving.play(seconds + GRACE, lambda: False)
        moving.end()
        stage.open(None)
        played = runtime.monotonic()
        domain.close()
        return Run(
            scenario=self.name,
            policy=policy,
            seed=seed,
            people=sum(sizes),
            seconds=played,
            took=monotonic() - began,
            steps=runtime.steps,
            trace=f"{runtime.trace:08x}",
            attempts=tuple(sorted(stage.attempts)),
            story=tuple(stage.story),
            failure=stage.failure,
        )


def check_hours(hours: float) -> float:
    """Check that it is a number of hours above 0.

    Raises:
        WiringError: it is not.
    """
    if not (isinstance(cast("object", hours), int | float) and 0 < hours < float("inf")):
        msg = f"hours: expected a number above 0, got {hours!r:.100}"
        raise WiringError(msg)
    return hours


def replaced(
    deciders: Sequence[AggregateType], others: Iterable[AggregateType]
) -> list[AggregateType]:
    """Return the deciders, each replaced by the other one of its name, if there is one.

    Raises:
        WiringError: there is no decider of that name.
    """
    known = {one.name: one for one in deciders}
    for other in others:
        if other.name not in known:
            msg = f"{other!r} replaces no decider of the scenario ({', '.join(known)})"
            raise WiringError(msg)
        known[other.name] = other
    return list(known.values())


def scaled(sizes: Sequence[int], people: int | None) -> list[int]:
    """Return the sizes of the crowds for so many people in all, in the same proportions.

    Raises:
        WiringError: it is no whole number above 0.
    """
    if people is None:
        return list(sizes)
    if type(cast("object", people)) is not int or people < 1:
        msg = f"people: expected a whole number above 0, got {people!r:.100}"
        raise WiringError(msg)
    total = sum(sizes) or 1
    bounds = [0]
    for size in sizes:
        bounds.append(bounds[-1] + size)
    marks = [bound * people // total for bound in bounds]
    return [after - before for before, after in pairwise(marks)]
