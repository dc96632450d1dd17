"""Compares footprints with what events change in histories: which are too narrow, which too wide.

`comity footprints` shows the findings.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar, cast

from comity.engine.checking.copies import copied
from comity.engine.checking.differences import differences
from comity.engine.checking.finding import Finding, Fit, count
from comity.engine.checking.overwriting import overwrites
from comity.engine.checking.parts import Part, show_part
from comity.engine.checking.trail import Trail
from comity.engine.errors import DeciderFailed
from comity.engine.merging.command import Command
from comity.engine.merging.refusals import Refused
from comity.engine.messages.footprint import Footprint, meeting, overlap
from comity.engine.messages.message import Event, commute, footprint_of
from comity.engine.text import brief, told

if TYPE_CHECKING:
    from comity.engine.merging.at import At
    from comity.engine.merging.decider import Decider
    from comity.engine.merging.sent import Sent

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Step(NamedTuple, Generic[E]):
    """One event of a history."""

    event: E
    at: At
    command: str
    """The stored name of the command that caused it."""
    number: object
    """The same for all events of one command."""
    footprint: Footprint
    """What the command touched, or depended on, to be compared with earlier events."""


class Attempt(NamedTuple, Generic[C]):
    """One command of a history, accepted or refused; its events come after it."""

    command: C
    sent: Sent


class _Done(NamedTuple, Generic[S, E]):
    step: Step[E]
    paths: Footprint
    parts: Sequence[Part]
    before: S
    after: S


class Survey(Generic[S, C, E]):
    """Collects findings from any number of histories of one decider.

    Example:
        survey = Survey(board)
        survey.add(history)
        for finding in survey.findings():
            print(finding.fit, finding.later, finding.earlier)
    """

    NEAR: Final = 20
    """How many earlier events each event is compared with, to see if their overlap is needed."""
    ENOUGH: Final = 5
    """From so many pairs on, an overlap that was never needed is told."""

    def __init__(self, decider: Decider[S, C, E]) -> None:
        self._decider = decider
        self._narrow: dict[tuple[str, str], Finding] = {}
        self._wide: dict[tuple[str, str], Finding] = {}
        self._needed = set[tuple[str, str]]()  # by later and earlier event
        self._matters = set[tuple[str, str]]()  # by command and earlier event
        self._commands = defaultdict[tuple[str, str], set[str]](set)
        self.events = 0
        """How many events were read."""
        self.histories = 0
        """How many histories were read."""

    def add(self, history: Iterable[Step[E] | Attempt[C]]) -> None:
        """Replay a history and compare its events, and what its commands depend on.

        Raises:
            DeciderFailed: `evolve` raised.
        """
        state, trail = self._decider.initial(), Trail()
        near: deque[_Done[S, E]] = deque(maxlen=self.NEAR)
        self.histories += 1
        for step in history:
            if isinstance(step, Attempt):
                self._note_dependence(near, step)
                continue
            after = self._evolved(state, step)
            parts = differences(state, after)
            done = _Done(step, footprint_of(step.event), parts, state, after)
            self._compare_narrow(trail, done)
            self._compare_wide(near, done)
            if near:  # nobody can work on an aggregate whose first event they have not seen
                trail.note(parts, step.event, state)
            near.append(done)
            state = after
            self.events += 1

    def findings(self) -> list[Finding]:
        """Return what was found: the footprints that are too narrow first."""
        wide = (
            one
            for pair, one in self._wide.items()
            if one.pairs >= self.ENOUGH
            and pair not in self._needed
            and not any((name, pair[1]) in self._matters for name in self._commands[pair])
        )
        return [*self._narrow.values(), *wide]

    def _evolved(self, state: S, step: Step[E]) -> S:
        try:
            return self._decider.replay(copied(state), step.event, step.at)
        except DeciderFailed:
            raise
        except Exception as error:
            msg = (
                f"evolve raised {type(error).__name__} on {brief(repr(step.event), 200)} "
                f"(version {step.at.version}): {told(error, 200)}"
            )
            raise DeciderFailed(msg) from None

    def _compare_narrow(self, trail: Trail, done: _Done[S, E]) -> None:
        event = done.step.event
        for part, earlier in _earlier(trail, done.parts):
            paths = footprint_of(earlier)
            if meeting(done.step.footprint, paths) is None and overwrites(
                self._decider.replay, done.before, cast("E", earlier), event, done.step.at, part
            ):
                shown = show_part(part), show_part(part)
                count(
                    self._narrow, Fit.TOO_NARROW, event, earlier, (done.step.footprint, paths),
                    shown,
                )  # fmt: skip

    def _compare_wide(self, near: Iterable[_Done[S, E]], done: _Done[S, E]) -> None:
        event = done.step.event
        for other in near:
            pair = type(event).__name__, type(other.step.event).__name__
            if (
                pair in self._needed
                or other.step.number == done.step.number
                or meeting(done.paths, other.paths) is None
                or commute(event, other.step.event)
                or not (done.parts and other.parts)
            ):
                continue
            if _share(done.parts, other.parts) or not self._commute(
                done.before, other.step, done.step
            ):
                self._needed.add(pair)
            else:
                self._commands[pair].add(done.step.command)
                shown = _shown(done.parts), _shown(other.parts)
                count(
                    self._wide, Fit.TOO_WIDE, event, other.step.event,
                    (done.paths, other.paths), shown,
                )  # fmt: skip

    def _note_dependence(self, near: Iterable[_Done[S, E]], attempt: Attempt[C]) -> None:
        """Note whether the outcome of the command would be another one without a near event."""
        name, paths = attempt.command.stored_as, footprint_of(attempt.command)
        for done in near:
            pair = name, type(done.step.event).__name__
            if (
                pair not in self._matters
                and meeting(paths, done.paths) is not None
                and self._decided(done.before, attempt) != self._decided(done.after, attempt)
            ):
                self._matters.add(pair)

    def _decided(self, state: S, attempt: Attempt[C]) -> tuple[E, ...] | str:
        try:
            return tuple(self._decider.decide(copied(state), attempt.command, attempt.sent))
        except Refused as refusal:
            return refusal.said

    def _commute(self, state: S, one: Step[E], other: Step[E]) -> bool:
        try:
            first = self._evolved(self._evolved(state, one), other)
            return not differences(first, self._evolved(self._evolved(state, other), one))
        except DeciderFailed:  # they cannot happen in the other order
            return False


def _earlier(trail: Trail, parts: Iterable[Part]) -> Iterator[tuple[Part, Event]]:
    for part in parts:
        yield from trail.earlier(part)


def _share(ours: Iterable[Part], theirs: Sequence[Part]) -> bool:
    return any(overlap(one, other) for one in ours for other in theirs)


def _shown(parts: Sequence[Part]) -> str:
    more = f" and {len(parts) - 2} more" if len(parts) > 3 else ""  # noqa: PLR2004
    return ", ".join(map(show_part, parts[: 2 if more else 3])) + more
