"""What must become of a command, written a second time: as simply as DESIGN says it, and slowly."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from tests.support.party import Party, PartyCommand, PartyEvent, decide, evolve

from comity.engine import Clash, Conflicted, Footprint, Happened, Outcome, Path, Rejected, Sent

Events: TypeAlias = tuple[PartyEvent, ...]


class Verdict(NamedTuple):
    """How a command ends."""

    outcome: Outcome
    events: Events = ()


def verdict(
    state: Party,
    command: PartyCommand,
    session: str,
    since: Sequence[Happened[PartyEvent]],
) -> Verdict:
    """What becomes of a command on this state, its sender not having seen what happened since."""
    unseen = [one for one in since if not session or one.session != session]
    as_it_stands = decided(state, command)
    clashing = [one for one in unseen if clashes(command, as_it_stands, one.event)]
    if not clashing:
        return ended(Outcome.MERGED if unseen else Outcome.APPLIED, as_it_stands)
    try:
        paths: tuple[Path, ...] = ()
        clash = Clash(state, tuple(clashing), paths, tuple(since), Sent("", session))
        became = command.on_conflict(clash)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - asked with any state
    except Conflicted:
        return Verdict(Outcome.UNCHANGED if as_it_stands == () else Outcome.CONFLICTED)
    if became is None:
        return Verdict(Outcome.UNCHANGED)
    assert isinstance(became, PartyCommand)
    return ended(Outcome.REBASED, decided(state, became))


def decided(state: Party, command: PartyCommand) -> Events | None:
    """The events; None where a business rule says no."""
    try:
        return tuple(decide(copy.deepcopy(state), command))
    except Rejected:
        return None


def ended(done: Outcome, events: Events | None) -> Verdict:
    """The outcome, unless nothing came of it."""
    if events is None:
        return Verdict(Outcome.REJECTED)
    return Verdict(done, events) if events else Verdict(Outcome.UNCHANGED)


def clashes(command: PartyCommand, would: Events | None, event: PartyEvent) -> bool:
    """Whether an event that was not seen is in the way of a command that would do this."""
    touched = event.footprint()
    if meet(command.dependencies(), touched):
        return True
    if not meet(command.footprint(), touched):
        return False
    return not would or not all(commutes(one, event) or commutes(event, one) for one in would)


def meet(ours: Footprint, theirs: Footprint) -> bool:
    """Whether any two paths are the same as far as the shorter one goes."""
    return any(
        all(mine == other for mine, other in zip(one, two, strict=False))
        for one in ours
        for two in theirs
    )


def commutes(one: PartyEvent, other: PartyEvent) -> bool:
    """Whether the class of the one says so about the other."""
    said = type(one).commutes
    return type(other) in said if isinstance(said, tuple) else said and type(one) is type(other)


def after(state: Party, events: Sequence[PartyEvent]) -> Party:
    """A new state after these events."""
    state = copy.deepcopy(state)
    for event in events:
        state = evolve(state, event)
    return state
