"""`given(board, ...)`: the beginning of a test of a decider, or of a read model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast, overload

from comity.engine.errors import WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event
from comity.readmodels.tables.read_model import AnyReadModel, ReadModel, is_read_model
from comity.testing.stating.given_decider import GivenDecider
from comity.testing.stating.given_model import GivenModel

if TYPE_CHECKING:
    from comity.testing.stating.said import Said

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=AnyReadModel)


@overload
def given(what: Decider[S, C, E], /, *events: E | Said[E]) -> GivenDecider[S, C, E]: ...
@overload
def given(what: type[M], /, *events: Event | Said[Event]) -> GivenModel[M]: ...
def given(
    what: Decider[S, C, E] | type[M], /, *events: E | Said[E] | Event | Said[Event]
) -> GivenDecider[S, C, E] | GivenModel[M]:
    """Begin a test with the events that have happened so far.

    Args:
        what: the decider, or the class of a read model.
        events: what has happened, oldest first; `by` gives an event a sender and a time.

    Raises:
        WiringError: an event is not of this decider or model, or cannot happen there.

    Example:
        given(board, ADDED).when(RenameCard(card="c1", title="Pay")).then(rejected("no change"))
        given(Cards, ADDED).rows(CardRow(card="c1", title="Pay"))
    """
    if isinstance(what, Decider):
        return GivenDecider(what, cast("tuple[E | Said[E], ...]", events))
    if is_read_model(what):
        return GivenModel(cast("type[M]", what), events)
    msg = f"given(...): expected a decider or a class of {ReadModel.__name__} first, got {what!r}"
    raise WiringError(msg)
