"""All that determines a run: the scenario, and what was asked of this playing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from comity.engine.merging.decider import AggregateType
from comity.engine.processes.process import ProcessType
from comity.readmodels.tables.read_model import AnyReadModel
from comity.simulation.people.crowd import Crowd
from comity.simulation.people.network import Network
from comity.simulation.playing.faults import Fault
from comity.simulation.playing.invariants import Invariant
from comity.simulation.runtime.order import Order, RandomOrder

Progress: TypeAlias = Callable[[float, int], None]
"""Called now and then with the simulated seconds and the number of attempts so far."""

Kept: TypeAlias = frozenset[tuple[str, int]]
"""Commands by person and number: the first command of a person has number 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is played. `Scenario` makes it."""

    scenario: str
    deciders: Sequence[AggregateType]
    crowds: Sequence[Crowd]
    seconds: float
    """How long people work."""
    network: Network
    read_models: Sequence[type[AnyReadModel]] = ()
    processes: Sequence[ProcessType] = ()
    faults: Sequence[Fault] = ()
    invariants: Sequence[Invariant] = ()
    seed: int = 0
    people: int | None = None
    """How many people there are, if not as many as the crowds have."""
    policy: str = "own rules"
    """The name of the rules."""
    progress: Progress | None = None
    goes_on: bool = False
    """Whether the run goes on after the script of one person has raised an error."""
    kept: Kept | None = None
    """In a shrunk run: the commands that are sent; None: all. Number 0 is the person itself."""
    checked: bool = True
    """Whether the domain's functions are watched for mistakes."""
    order: Callable[[], Order] = RandomOrder
    """Makes the order in which steps are done."""
