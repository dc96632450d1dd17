"""The domain whose laws are checked, with the options of the test."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from comity.engine.merging.command import Command
from comity.evolution.contract.making import Maker
from comity.testing.proving.picture import Picture, picture

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Message
    from comity.evolution.contract.making import Strategies
    from comity.readmodels.tables.read_model import AnyReadModel

Samples: TypeAlias = "Mapping[type[Message], Mapping[int, Sequence[Mapping[str, object]]]]"
"""Stored fields of events and commands, by class and schema version."""


class Subject:
    """A decider, its read models, and what the laws must know of them."""

    def __init__(
        self,
        decider: AnyDecider,
        models: Sequence[type[AnyReadModel]],
        strategies: Strategies,
        samples: Samples,
        compare: Callable[[object], object] | None,
        overwrites: Sequence[type[Command]],
        effort: float = 1.0,
    ) -> None:
        self.decider = decider
        self.models = models
        self.samples = samples
        self.overwrites = frozenset(overwrites)
        """Commands whose own conflict rule may replace what others did."""
        self.effort = effort
        """The part of the examples that Hypothesis is set to."""
        self.maker = Maker([*decider.commands, *decider.events], strategies)
        self._compare = compare
        self._initial = copy.deepcopy(decider.initial())
        # A copy, so that one example does not change the next, even if `initial` shares its state.

    def initial(self) -> object:
        """Make a state of an aggregate that has no events."""
        return copy.deepcopy(self._initial)

    def picture(self, state: object) -> Picture:
        """Return what of a state must be equal where two states are compared."""
        return picture(state if self._compare is None else self._compare(state))

    @property
    def transforming(self) -> tuple[type[Command], ...]:
        """The commands whose conflict rule is `transform(step)`."""
        rules = self.decider.rules
        return tuple(
            kind for kind in self.decider.commands if rules[kind].name.startswith("transform(")
        )
