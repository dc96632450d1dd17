"""`given(board, ...)`: the beginning of a test of a decider, a process or a read model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast, overload

from comity.engine.errors import WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event
from comity.engine.processes.process import Process
from comity.readmodels.tables.read_model import AnyReadModel, ReadModel, is_read_model
from comity.testing.stating.given_decider import GivenDecider
from comity.testing.stating.given_model import GivenModel
from comity.testing.stating.given_process import GivenProcess, given_process
from comity.testing.stating.walking import Hears

if TYPE_CHECKING:
    from comity.testing.stating.said import Said

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=AnyReadModel)


@overload
def given(what: Decider[S, C, E], /, *events: E | Said[E]) -> GivenDecider[S, C, E]: ...
@overload
def given(what: Process[S, E], /, *things: Hears[E]) -> GivenProcess[S, E]: ...
@overload
def given(what: type[M], /, *events: Event | Said[Event]) -> GivenModel[M]: ...
def given(
    what: Decider[S, C, E] | Process[S, E] | type[M],
    /,
    *events: Hears[E] | Event | Said[Event],
) -> GivenDecider[S, C, E] | GivenProcess[S, E] | GivenModel[M]:
    """Begin a test with the events that have happened so far.

    Args:
        what: the decider, the process, or the class of a read model.
        events: what has happened, oldest first; `by` gives an event a sender and a time. For a
            process also `answered("flight")`, `refused("flight", "full")` and `rang("late")`.

    Raises:
        WiringError: an event is not of this decider, process or model, or cannot happen there.

    Example:
        given(board, ADDED).when(RenameCard(card="c1", title="Pay")).then(rejected("no change"))
        given(trip, REQUESTED).when(refused("car", "sold out")).then(End("no car"))
        given(Cards, ADDED).rows(CardRow(card="c1", title="Pay"))
    """
    if isinstance(what, Decider):
        return GivenDecider(what, cast("tuple[E | Said[E], ...]", events))
    if isinstance(what, Process):
        return given_process(what, cast("tuple[Hears[E], ...]", events))
    if is_read_model(what):
        return GivenModel(cast("type[M]", what), cast("tuple[Event | Said[Event], ...]", events))
    wanted = f"expected a decider, a process or a class of {ReadModel.__name__} first"
    raise WiringError(f"given(...): {wanted}, got {what!r}")
