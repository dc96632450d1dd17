"""What checked mode says to each fault: an example, and what to do."""

from __future__ import annotations

from comity.engine.checking.answers import Answer
from comity.engine.checking.parts import Part, at, show_part
from comity.engine.errors import CheckFailed, Fault
from comity.engine.merging.command import Command, rests_on
from comity.engine.messages.footprint import Footprint, show
from comity.engine.messages.message import Event, Message, footprint_of
from comity.engine.text import brief

_EVOLVE = "evolve may change only the state, by nothing but the state, the event and `at`"


def changed(
    fault: Fault, where: str, command: Message, state: object, tried: object, parts: list[Part]
) -> CheckFailed:
    """A function changed the state that it got."""
    part = parts[0]
    msg = (
        f"{where} got {brief(repr(command), 200)}, and {show_part(part)} was "
        f"{_told(at(state, part))} before it and {_told(at(tried, part))} after it; only evolve "
        f"may change the state. The state before it: {_told(state)}"
    )
    return CheckFailed(fault, msg, tuple(map(show_part, parts)))


def varies(
    fault: Fault,
    where: str,
    command: Message,
    first: Answer,
    again: Answer,
) -> CheckFailed:
    """A function gave two answers to one question."""
    one, other = (_told(value if no is None else no) for value, no in (first, again))
    msg = (
        f"{where} got {brief(repr(command), 200)} twice on the same state, and gave first {one} "
        f"and then {other}; take the time, the sender and the id from `sent`, and any random "
        "number from a field of the command"
    )
    return CheckFailed(fault, msg)


def evolved_twice(
    event: Event, state: object, one: object, other: object, parts: list[Part]
) -> CheckFailed:
    """`evolve` made two states of one."""
    part = parts[0]
    msg = (
        f"twice from the same state, {brief(repr(event), 200)} made {show_part(part)} first "
        f"{_told(at(one, part))} and then {_told(at(other, part))}; {_EVOLVE}. The state before "
        f"it: {_told(state)}"
    )
    return CheckFailed(Fault.EVOLVE_VARIES, msg, tuple(map(show_part, parts)))


def too_narrow(
    earlier: Event, event: Event, message: Message, state: object, part: Part
) -> CheckFailed:
    """An event overwrote what its command does not touch."""
    ours, theirs = (
        ", ".join(map(show, paths)) or "nothing" for paths in (touched(message), touched(earlier))
    )
    kind, other = type(message).__name__, type(earlier).__name__
    msg = (
        f"{brief(repr(event), 200)} overwrites {show_part(part)}, which "
        f"{brief(repr(earlier), 200)} changed before. But {kind} touches {ours}, and {other} "
        f"touches {theirs}: no overlap, so a sender that had not seen {other} would overwrite it "
        "without a conflict. Let `touches` of both name that part; if it does not matter which of "
        f"the two is last, declare `commutes`. The state before it: {_told(state)}"
    )
    return CheckFailed(Fault.FOOTPRINT_TOO_NARROW, msg, (show_part(part),))


def touched(message: Message) -> Footprint:
    """Return what a message touches; of a command also what it depends on."""
    return footprint_of(message) + (rests_on(message) if isinstance(message, Command) else ())


def event_changed(kept: Event, event: Event) -> CheckFailed:
    """`evolve` changed its event."""
    msg = f"{brief(repr(kept))} became {brief(repr(event))}; {_EVOLVE}"
    return CheckFailed(Fault.EVOLVE_CHANGES_EVENT, msg)


def shared(name: str, part: Part, value: object, event: Event) -> CheckFailed:
    """`evolve` changed in place what new aggregates share."""
    msg = (
        f"all new aggregates of {name} have the same {type(value).__name__} as "
        f"{show_part(part)}, and evolve changes it in place on {brief(repr(event))}, for all of "
        "them; let initial make a new one each time: a class attribute or a constant of the "
        "module is shared"
    )
    return CheckFailed(Fault.INITIAL_SHARES_STATE, msg, (show_part(part),))


def _told(value: object) -> str:
    return brief(repr(value), 200)
