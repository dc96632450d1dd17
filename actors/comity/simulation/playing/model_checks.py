"""Checks the invariants of read models, after each batch that a model has taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from comity.actors.domain import Domain
from comity.actors.observing.observer import Observer
from comity.actors.runtime.runtime import Callback
from comity.engine.errors import ComityError
from comity.simulation.playing.invariants import Invariant

if TYPE_CHECKING:
    from comity.actors.observing.facts import Stepped


class ModelChecks(Observer):
    """Checks the invariants of read models in all domains that are open.

    Args:
        invariants: those of read models; the others are not looked at.
        domains: returns the open domains.
        soon: calls a function when no turn is being taken.
        broken: called with the text of what does not hold.
    """

    def __init__(
        self,
        invariants: Iterable[Invariant],
        domains: Callable[[], Sequence[Domain]],
        soon: Callable[[Callback], None],
        broken: Callable[[str], None],
    ) -> None:
        self._invariants = [one for one in invariants if not isinstance(one.of, str)]
        self._domains = domains
        self._soon = soon
        self._broken = broken
        self._wanted = False

    def stepped(self, fact: Stepped) -> None:
        """Check soon: a model has taken a batch."""
        if self._invariants and fact.events and not self._wanted:
            self._wanted = True
            self._soon(self.check)

    def check(self) -> None:
        """Check all of them now."""
        self._wanted = False
        for domain in self._domains():
            for invariant in self._invariants:
                self._check(domain, invariant)

    def _check(self, domain: Domain, invariant: Invariant) -> None:
        assert not isinstance(invariant.of, str)
        try:
            with domain.read(invariant.of, stale=True) as model:
                why = invariant.broken(model)
        except ComityError:  # it is being built, or the domain is closing
            return
        if why is not None:
            self._broken(f"{invariant.name} does not hold for {invariant.of.__name__}: {why}")
