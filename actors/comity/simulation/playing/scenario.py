"""A scenario: who does what, with which deciders, and what may go wrong. It can be played."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

from comity.actors.assembly.assembly import by_name
from comity.actors.processes.processes import check_processes
from comity.engine.errors import WiringError
from comity.engine.merging.decider import AggregateType
from comity.engine.processes.process import ProcessType
from comity.readmodels.tables.read_model import AnyReadModel
from comity.simulation.people.crowd import Crowd
from comity.simulation.people.network import Network
from comity.simulation.playing.asked import Asked, Progress
from comity.simulation.playing.cast import scaled
from comity.simulation.playing.faults import Fault
from comity.simulation.playing.invariants import Invariant
from comity.simulation.playing.real_play import RealPlay
from comity.simulation.playing.real_time import RealTime
from comity.simulation.playing.smallest import Shrinking
from comity.simulation.playing.virtual_play import VirtualPlay
from comity.simulation.records.run import Run, seed_of
from comity.simulation.shrinking.patience import Patience

T = TypeVar("T")

CHECKED = 100.0
"""The most hours of work, of all people together, that are played in checked mode by default."""
LONG_ENOUGH = 20.0
"""Seconds for which a run is shrunk, unless others are asked for."""


class Scenario:
    """People who work on the same aggregates at the same time.

    Args:
        name: for reports.
        deciders: the aggregate types that people work on.
        crowds: the people.
        hours: how long they work, in simulated hours.
        read_models: the read models to keep up to date.
        processes: the processes that run in the domain.
        network: the network between people and the domain; by default nothing is late or lost.
        faults: what goes wrong: `crash(every=600)`, `slow_disk(0.5, at=60)` and others.
        invariants: what must hold always: `always(board, no_column_is_too_full)`.

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
        processes: Sequence[ProcessType] = (),
        network: Network | None = None,
        faults: Sequence[Fault] = (),
        invariants: Sequence[Invariant] = (),
    ) -> None:
        self.name = name
        by_name(deciders)  # checks them
        self.deciders = tuple(deciders)
        self.crowds = _all(crowds, Crowd, "crowds", "a list of Crowd(script, people)")
        self.hours = check_hours(hours)
        self.read_models = tuple(read_models)
        self.processes = tuple(processes)
        check_processes(self.processes, by_name(self.deciders), self.read_models)
        self.network = Network() if network is None else network
        if not isinstance(cast("object", self.network), Network):
            msg = f"network: expected a Network(...), got {network!r:.100}"
            raise WiringError(msg)
        self.faults = _all(faults, Fault, "faults", "a list of faults, such as crash(at=60)")
        self.invariants = _all(invariants, Invariant, "invariants", "a list of always(of, check)")
        self._check()

    def _check(self) -> None:
        """Check that the parts fit each other; raises `WiringError`."""
        known = [*(one.name for one in self.deciders), *self.read_models]
        for invariant in self.invariants:
            if invariant.of not in known:
                msg = f"{invariant.name}: {invariant.of} is not played here; add it to the scenario"
                raise WiringError(msg)
        for fault in self.faults:
            if fault.model is not None and fault.model not in self.read_models:
                msg = f"{fault.name}: {fault.model.__name__} is not in read_models; add it"
                raise WiringError(msg)
        crowds = [crowd.name for crowd in self.crowds]
        for crowd in crowds:
            if crowds.count(crowd) > 1:
                msg = f"crowds: two are called {crowd!r}; call one Crowd(..., name='another name')"
                raise WiringError(msg)
        if not self.people:
            msg = "crowds: expected at least one person, for example Crowd(editor, 10)"
            raise WiringError(msg)

    @property
    def people(self) -> int:
        """How many people there are."""
        return sum(crowd.people for crowd in self.crowds)

    def play(
        self,
        seed: int | str = 0,
        *,
        people: int | None = None,
        hours: float | None = None,
        deciders: Sequence[AggregateType] | None = None,
        policy: str = "own rules",
        progress: Progress | None = None,
        goes_on: bool = False,
        checked: bool | None = None,
        shrink: bool | float = False,
        real_time: RealTime | None = None,
    ) -> Run:
        """Play the scenario in virtual time. The same seed gives the same run.

        A run that fails ends there, and says why in `run.failure`. Ctrl-C ends it, too: the run so
        far is returned.

        Args:
            seed: determines all choices of the people and the order of all steps; a number, or
                the `seed_text` of an earlier run.
            people: so many people instead of the scenario's; the crowds keep their proportions.
            hours: how long they work, instead of the scenario's hours.
            deciders: are played in place of the scenario's deciders of the same names, to compare
                rules.
            policy: the name of these rules, kept in the run.
            progress: is called now and then with the simulated seconds and the attempts so far.
            goes_on: go on without a person whose script raises an error; by default the run fails.
            checked: watch `decide`, `evolve`, conflict rules and footprints for mistakes; see
                `Domain.open`. It takes four times as long, so by default this is done for up to
                `CHECKED` hours of all people together.
            shrink: make a run that fails as small as it gets: the fewest people and commands with
                which it still fails. It is played again and again, for at most 20 seconds, or the
                given seconds.
            real_time: play in real time on the disk instead, with `RealTime(speed=60)`. People make
                the same choices, but what happens first is up to the machine.

        Raises:
            WiringError: an argument is wrong, or the seed is of another version.
        """
        hours = check_hours(self.hours if hours is None else hours)
        sizes = scaled([crowd.people for crowd in self.crowds], people)
        asked = Asked(
            scenario=self.name,
            deciders=replaced(self.deciders, deciders or ()),
            crowds=self.crowds,
            seconds=hours * 3600,
            network=self.network,
            read_models=self.read_models,
            processes=self.processes,
            faults=self.faults,
            invariants=self.invariants,
            seed=seed_of(seed),
            people=people,
            policy=policy,
            progress=progress,
            goes_on=goes_on,
            checked=sum(sizes) * hours <= CHECKED if checked is None else checked,
        )
        if not isinstance(cast("object", real_time), RealTime | None):
            msg = f"real_time: expected RealTime(speed=60) or None, got {real_time!r:.100}"
            raise WiringError(msg)
        if real_time is not None:
            return RealPlay(asked, real_time).play()
        play = VirtualPlay(asked)
        run = play.play()
        if run.failure is None or not shrink:
            return run
        patience = Patience(LONG_ENOUGH if shrink is True else shrink)
        return Shrinking(asked, run, play.people, play.commands, patience).smallest()


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


def _all(several: Sequence[T], kind: type[T], name: str, wanted: str) -> tuple[T, ...]:
    if not isinstance(several, list | tuple) or not all(
        isinstance(cast("object", one), kind) for one in several
    ):
        msg = f"{name}: expected {wanted}, got {several!r:.100}"
        raise WiringError(msg)
    return tuple(several)
