"""Invariants: what must hold in a scenario at every moment, of an aggregate or of a read model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast, overload

from comity.engine.errors import WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, Decider
from comity.engine.messages.message import Event
from comity.readmodels.tables.read_model import AnyReadModel, ReadModel

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound="AnyReadModel")


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold always. Make it with `always`."""

    name: str
    of: str | type[AnyReadModel]
    """The name of an aggregate type, or a read model."""
    check: Callable[[object], object]

    def broken(self, what: object) -> str | None:
        """Return why it does not hold; None if it holds."""
        try:
            held = self.check(what)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            return f"{kind}{error}" if str(error) else f"{kind or 'its assert failed'}"
        return "it returned False" if held is False else None


@overload
def always(of: Decider[S, C, E], check: Callable[[S], object]) -> Invariant: ...
@overload
def always(of: type[M], check: Callable[[M], object]) -> Invariant: ...
def always(of: object, check: object) -> Invariant:
    """Return an invariant, for `Scenario(invariants=[...])`.

    Args:
        of: a decider, to check the state of each of its aggregates after each change; or a read
            model, to check it after each batch that it has taken.
        check: gets the state, or the model to query. It raises an error or returns False if the
            invariant does not hold, and changes nothing.

    Raises:
        WiringError: an argument is wrong.

    Example:
        def no_column_is_too_full(board: Board) -> None:
            assert board.holds("doing") <= 3, f"{board.holds('doing')} cards in doing"

        Scenario(..., invariants=[always(board, no_column_is_too_full)])
    """
    name = str(getattr(check, "__name__", check))
    if callable(check) and isinstance(of, AggregateType):
        return Invariant(name, of.name, check)
    if callable(check) and isinstance(of, type) and issubclass(of, ReadModel):
        return Invariant(name, cast("type[AnyReadModel]", of), check)
    msg = f"always: expected a decider or a read model, and a function, got {of!r}, {check!r}"
    raise WiringError(msg)
