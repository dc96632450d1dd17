"""A test of a decider: the events so far, the command, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from comity.engine.arguments import check_whole
from comity.engine.errors import WiringError, describe_error
from comity.engine.merging.command import Command
from comity.engine.merging.happened import Happened
from comity.engine.merging.merge import merge
from comity.engine.merging.refusals import Refused
from comity.engine.merging.report import MergeReport
from comity.engine.merging.sent import NO_METADATA, Sent
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views
from comity.engine.messages.message import Event
from comity.testing.stating.expected import Came, Expected, done
from comity.testing.stating.said import (
    SECOND,
    START,
    Said,
    aggregate_of,
    as_happened,
    check_events,
    in_time,
    time_of,
)

if TYPE_CHECKING:
    from comity.engine.merging.decider import Decider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class GivenDecider(Generic[S, C, E]):
    """An aggregate with some events. `given(board, ...)` makes it."""

    def __init__(self, decider: Decider[S, C, E], events: Sequence[E | Said[E]]) -> None:
        check_events(events, decider.events, decider.name, f"given({decider.name}, ...)")
        self._decider = decider
        self._said = in_time(events)

    @property
    def state(self) -> S:
        """The state after the events."""
        return self._fold(as_happened(self._said))

    def when(
        self,
        command: C,
        *,
        who: str = "",
        session: str | None = None,
        seen: int | None = None,
        unseen: Sequence[E | Said[E]] = (),
        at: datetime | None = None,
        metadata: Mapping[str, str] = NO_METADATA,
    ) -> Result[S, C, E]:
        """Send a command; then say what must come of it, with `then`.

        Args:
            command: the command.
            who: the sender's name.
            session: the sender's session; by default each sender has one, named like itself.
            seen: how many of the given events the sender had seen; by default all.
            unseen: events that happened after the given ones, which the sender had not seen.
            at: when the command is decided; by default one second after the last event.
            metadata: the command's metadata.

        Raises:
            WiringError: the command or an event is not of this decider, or an event cannot happen.
        """
        decider, where = self._decider, f"given({self._decider.name}, ...).when(...)"
        if type(command) not in decider.command_set:
            names = ", ".join(sorted(kind.__name__ for kind in decider.commands))
            msg = f"{where}: {command!r} is not a command of {decider.name}; it has {names}"
            raise WiringError(msg)
        check_events(unseen, decider.events, decider.name, f"{where}: unseen")
        here = len(self._said)
        if seen is not None and check_whole(seen, "seen") > here:
            msg = f"{where}: seen is {seen}, and only {here} events are given"
            raise WiringError(msg)
        said = self._said + in_time(unseen, self._last())
        log = as_happened(said)
        last = log[-1].microseconds if log else START
        time = time_of(at, where)
        sent = Sent(
            who, who if session is None else session, here if seen is None else seen,
            last + SECOND if time is None else time, "test", metadata,
        )  # fmt: skip
        return Result(decider, self._fold(log), log, command, sent)

    def _last(self) -> int:
        """The time of the last given event."""
        return (self._said[-1].microseconds if self._said else None) or START

    def _fold(self, log: Sequence[Happened[E]]) -> S:
        decider = self._decider
        state = decider.initial()
        for one in log:
            try:
                state = decider.evolve(state, one.event, one.at(aggregate_of(decider.name)))
            except Exception as error:  # the domain's evolve may raise anything
                msg = (
                    f"given({decider.name}, ...): evolve raised {describe_error(error)} on event "
                    f"{one.version}, {one.event!r}: give events that can happen in this order"
                )
                raise WiringError(msg) from error
        return state


class Result(Generic[S, C, E]):
    """What came of a command. `when` makes it; `then` says what it must be."""

    def __init__(
        self,
        decider: Decider[S, C, E],
        state: S,
        log: Sequence[Happened[E]],
        command: C,
        sent: Sent,
    ) -> None:
        self._about = _about(decider.name, len(log), command, sent)
        self._came: Came[E]
        since = Since(log[sent.seen or 0 :], past=Past(Views(), lambda after: log[after:]))
        try:
            decision = merge(decider, state, len(log), command, sent, since)
        except Refused as refusal:
            self._came = Came(refusal.report, (), refusal)
        else:
            report = decision.report or MergeReport(
                outcome=decision.outcome, command=command.stored_as, who=sent.who,
                seen=sent.seen, version=len(log), rules_revision=decider.rules_revision,
            )  # fmt: skip
            self._came = Came(report, decision.events)
        first = aggregate_of(decider.name)
        for version, event in enumerate(self._came.events, len(log) + 1):
            happened = Happened(
                version, event, sent.who, sent.session, microseconds=sent.microseconds
            )
            state = decider.evolve(state, event, happened.at(first))
        self.state: S = state
        """The state after the command."""

    @property
    def report(self) -> MergeReport:
        """The explanation of the outcome."""
        return self._came.report

    @property
    def events(self) -> tuple[E, ...]:
        """The events of the command; empty if it was refused or changed nothing."""
        return self._came.events

    @overload
    def then(self, expected: Expected[E], /) -> Result[S, C, E]: ...
    @overload
    def then(self, expected: E, /, *events: E) -> Result[S, C, E]: ...
    def then(self, expected: Expected[E] | E, /, *events: E) -> Result[S, C, E]:
        """Check what came of the command.

        Args:
            expected: the first event; or a whole result, such as `rejected("there is no card")`.
            events: the other events. The command must have exactly these events, in this order.

        Raises:
            AssertionError: something else came; the text tells the difference.

        Example:
            given(board, ADDED).when(MOVE).then(CardMoved(card="c1", column="done"))
        """
        __tracebackhide__ = True
        wanted = expected if isinstance(expected, Expected) else done((expected, *events))
        lines = wanted.unlike(self._came)
        if lines:
            said = "\n".join(f"  {line}" for line in [*lines, f"report: {self.report.sentence()}"])
            raise AssertionError(f"{self._about}\n{said}")
        return self


def _about(name: str, version: int, command: Command, sent: Sent) -> str:
    who = f"{sent.who}, who" if sent.who else "somebody who"
    return f"{command!r} on a {name} at version {version}, by {who} had seen version {sent.seen}"
