"""The decisive event of a refused command: the unseen one that turned a yes into a no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from comity.engine.merging.command import Command
from comity.engine.merging.merge import decide
from comity.engine.merging.refusals import Refused
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.decider import Decider
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.sent import Sent

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


def decisive(
    decider: Decider[S, C, E],
    state: S,
    command: C,
    sent: Sent,
    since: Sequence[Happened[E]],
    aggregate: AggregateId,
) -> Happened[E] | None:
    """Return the last event of `since` that turned a refused command from accepted to refused.

    None if there is no such event: the command would be refused on the seen state as well.

    Args:
        decider: the aggregate's type.
        state: the state that the sender had seen. It may be changed in place.
        command: the refused command.
        sent: how it was sent.
        since: all events after the state, oldest first.
        aggregate: the aggregate's id.
    """
    culprit: Happened[E] | None = None
    accepted = _accepts(decider, state, command, sent)
    for happened in since:
        state = decider.replay(state, happened.event, happened.at(aggregate))
        before, accepted = accepted, _accepts(decider, state, command, sent)
        if before and not accepted:
            culprit = happened
    return culprit


def _accepts(decider: Decider[S, C, E], state: S, command: C, sent: Sent) -> bool:
    try:
        decide(decider, state, command, sent)
    except Refused:
        return False
    return True
