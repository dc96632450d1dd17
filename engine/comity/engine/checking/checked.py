"""Checked mode: a decider whose functions are watched while they work.

`decide`, `evolve` and conflict rules get copies of the state and run twice. Whatever they do to a
copy, or do differently the second time, is told as a `CheckFailed`; the state itself is unharmed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from comity.engine.checking import faults
from comity.engine.checking.answers import answer, same
from comity.engine.checking.copies import copied, shared_parts
from comity.engine.checking.differences import differences
from comity.engine.checking.overwriting import overwrites
from comity.engine.checking.parts import MISSING, Part, at, is_shared
from comity.engine.checking.trail import Trail, Trails
from comity.engine.errors import Fault
from comity.engine.merging.at import At
from comity.engine.merging.command import Command
from comity.engine.merging.refusals import Refused
from comity.engine.merging.rule import Rule
from comity.engine.merging.sent import Sent
from comity.engine.messages.footprint import meeting
from comity.engine.messages.message import Event, Message, footprint_of
from comity.engine.messages.retired_event import RetiredEvent

if TYPE_CHECKING:
    from comity.engine.merging.clash import Clash
    from comity.engine.merging.decider import Decider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


def checked(decider: Decider[S, C, E]) -> Decider[S, C, E]:
    """Return the decider with functions that are checked each time they are called.

    For tests and simulations: every function runs twice, on copies of the state. Stored events are
    not checked when they are replayed.

    The functions raise `CheckFailed` if

    - `decide` or a conflict rule changes the state, or gives something else the second time;
    - `evolve` gives something else the second time, or changes the event;
    - `initial` gives two aggregates one object, and `evolve` changes it in place;
    - an event overwrites what an earlier event changed, and the footprints of its command and of
      that event do not overlap: a sender that had not seen it would have overwritten it unnoticed.

    Raises:
        CheckFailed: the initial state cannot be copied.

    Example:
        with Domain.open("team.db", deciders=[board], checked=True) as domain:
            ...
    """
    watch = _Watch(decider)
    made = copy.copy(decider)
    made.initial = watch.initial
    # A stored refusal's class is looked up in the module of `decide`.
    made.decide = update_wrapper(partial(watch.decide), decider.decide)
    made.evolve = update_wrapper(partial(watch.evolve), decider.evolve)
    made.rules = {kind: _checked_rule(rule) for kind, rule in decider.rules.items()}
    return made


class _Watch(Generic[S, C, E]):
    """The checked functions of one decider."""

    def __init__(self, decider: Decider[S, C, E]) -> None:
        self._decider = decider
        self._trails = Trails()
        self._shared = shared_parts(decider.initial)
        self.initial()  # can it be copied?

    def initial(self) -> S:
        """Return an initial state that shares nothing."""
        return copied(self._decider.initial())

    def decide(self, state: S, command: C, sent: Sent = Sent(), /) -> Iterable[E]:  # noqa: B008 - frozen
        """Decide twice on a copy, and compare."""
        tried = copied(state)

        def once() -> tuple[E, ...]:
            return tuple(self._decider.decide(tried, command, sent))

        first, refusal = answer(once)
        if changed := differences(state, tried):
            raise faults.changed(
                Fault.DECIDE_CHANGES_STATE, "decide", command, state, tried, changed
            )
        again = answer(once)
        if not same((first, refusal), again):
            raise faults.varies(Fault.DECIDE_VARIES, "decide", command, (first, refusal), again)
        if refusal is not None:
            raise refusal
        if not is_shared(state):
            trail = self._trails.of(state)
            trail.command, trail.sent = command, sent
        return cast("tuple[E, ...]", first)

    def evolve(self, state: S, event: E, at_: At = At(), /) -> S:  # noqa: B008 - frozen
        """Evolve two copies, and compare them; return one. The state stays as it is."""
        if isinstance(event, RetiredEvent):
            return state
        kept = event.model_copy(deep=True)
        after, other = copied(state), copied(state)
        held = [(part, value) for part in self._shared if (value := at(after, part)) is not MISSING]
        after = self._decider.evolve(after, event, at_)
        self._check_shared(state, event, held)
        other = self._decider.evolve(other, event, at_)
        if varied := differences(after, other):
            raise faults.evolved_twice(event, state, after, other, varied)
        if differences(kept, event):
            raise faults.event_changed(kept, event)
        if is_shared(state) or is_shared(after):  # its identity does not tell the aggregate
            return after
        parts = differences(state, after)
        self._check_footprint(state, event, at_, parts)
        trail = self._trails.of(state)
        if not len(trail) and not differences(state, self._decider.initial()):
            trail.first = event
        trail.note(parts, event, state)
        self._trails.move(state, after)
        return after

    def _check_shared(self, state: S, event: E, held: Iterable[tuple[Part, object]]) -> None:
        for part, value in held:
            if differences(at(state, part), value):
                raise faults.shared(self._decider.name, part, value, event)

    def _check_footprint(self, state: S, event: E, at_: At, parts: Iterable[Part]) -> None:
        trail = self._trails.of(state)
        message = trail.command or event
        paths = faults.touched(message)
        for changed in parts:
            for part, earlier in trail.earlier(changed):
                if (
                    meeting(paths, footprint_of(earlier)) is None
                    and self._may_be_unseen(earlier, trail)
                    and overwrites(
                        self._decider.evolve, state, cast("E", earlier), event, at_, part
                    )
                ):
                    raise faults.too_narrow(earlier, event, message, state, part)

    def _may_be_unseen(self, earlier: Event, trail: Trail) -> bool:
        """Whether a sender that has not seen the event can send the command that was decided.

        It cannot if the event is the first one, such as `Opened`, and the command is refused
        before it.
        """
        if earlier is not trail.first or trail.command is None or trail.sent is None:
            return True
        try:
            return bool(
                tuple(self._decider.decide(self.initial(), cast("C", trail.command), trail.sent))
            )
        except Refused:
            return False


def _checked_rule(rule: Rule) -> Rule:
    def ask(command: Message, clash: Clash[object], /) -> object:
        tried = replace(clash, state=copied(clash.state))
        first = answer(lambda: rule.ask(command, tried))
        if changed := differences(clash.state, tried.state):
            raise faults.changed(
                Fault.RULE_CHANGES_STATE, rule.name, command, clash.state, tried.state, changed
            )
        again = answer(lambda: rule.ask(command, tried))
        if not same(first, again):
            raise faults.varies(Fault.RULE_VARIES, rule.name, command, first, again)
        found, refusal = first
        if refusal is not None:
            raise refusal
        return found

    made = copy.copy(rule)
    made.ask = ask
    return made
