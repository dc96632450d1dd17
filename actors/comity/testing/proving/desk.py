"""One aggregate in memory, as its actor would keep it, with the story of what people did to it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.errors import DeciderFailed, describe_error
from comity.engine.merging.command import Command
from comity.engine.merging.happened import Dropped, Happened
from comity.engine.merging.merge import Decision, merge
from comity.engine.merging.refusals import Refused
from comity.engine.merging.sent import Sent
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views
from comity.engine.messages.message import Event
from comity.testing.stating.said import SECOND, START, aggregate_of

if TYPE_CHECKING:
    from comity.testing.proving.picture import Picture
    from comity.testing.proving.subject import Subject


class Wish(NamedTuple):
    """A command that somebody has chosen."""

    who: str
    command: Command
    number: int
    """Its time is so many seconds after the first; it stays the same in whichever order commands
    are decided."""

    def sent(self, seen: int | None) -> Sent:
        """How it is sent by somebody who has seen this version."""
        when = START + self.number * SECOND
        return Sent(self.who, self.who, seen, when, f"{self.who}-{self.number}")


class Broken(Exception):
    """A law does not hold; the text says why."""


PLACES: Final = 100
"""`evolve` is told versions by the number of the command, so that a domain that keeps them in its
state has the same ones in whichever order commands are decided."""


class Desk:
    """An aggregate, its events, and the steps of the story so far."""

    def __init__(self, subject: Subject, log: Sequence[Happened[Event]] = ()) -> None:
        self.subject = subject
        self.decider = subject.decider
        self.log: list[Happened[Event]] = []
        self.steps: list[str] = []
        self.state = subject.initial()
        self._views = Views()
        for one in log:
            self.take(one)

    @property
    def version(self) -> int:
        """How many events it has."""
        return len(self.log)

    def branch(self) -> Desk:
        """Copy it by a replay of its events."""
        other = Desk(self.subject, self.log)
        other.steps = [*self.steps]
        return other

    def picture(self) -> Picture:
        """Return what is in its state."""
        return self.subject.picture(self.state)

    def send(self, wish: Wish, seen: int | None = None) -> Decision[Command, Event] | Refused:
        """Merge a command of somebody who has seen this version (default: all), and evolve.

        Raises:
            Broken: the domain's code failed.
        """
        seen = self.version if seen is None else seen
        since = Since(self.log[seen:], past=Past(self._views, lambda after: self.log[after:]))
        try:
            decision = merge(
                self.decider, self.state, self.version, wish.command, wish.sent(seen), since
            )
        except Refused as refusal:
            self._tell(wish, seen, f"{refusal.report.outcome.value} ({refusal.reason})")
            return refusal
        except DeciderFailed as failure:
            self._tell(wish, seen, "failed")
            raise Broken(str(failure)) from failure
        self._tell(wish, seen, _answer(decision))
        self._keep(wish, seen, decision)
        return decision

    def _keep(self, wish: Wish, seen: int, decision: Decision[Command, Event]) -> None:
        written = None if decision.command == wish.command else wish.command
        for part, event in enumerate(decision.events):
            self.take(
                Happened(
                    self.version + 1, event, wish.who, wish.who, written, seen, part,
                    wish.sent(seen).microseconds,
                ),
                wish.number * PLACES + part + 1,
            )  # fmt: skip
        if not decision.events and self.log and decision.report and decision.report.clashes:
            last = self.log[-1] = copy.copy(self.log[-1])  # another desk may have it, too
            last.dropped += (Dropped(wish.who, wish.who, seen, wish.command),)

    def take(self, one: Happened[Event], place: int | None = None) -> None:
        """Evolve the state with an event that has happened.

        Raises:
            Broken: `evolve` failed.
        """
        at = one.at(aggregate_of(self.decider.name))
        if place is None:
            place = (one.microseconds - START) // SECOND * PLACES + one.part + 1
        try:
            self.state = self.decider.evolve(self.state, one.event, at._replace(version=place))
        except Exception as error:  # the domain's evolve may raise anything
            msg = f"evolve raised {describe_error(error)} on {one.event!r}"
            raise Broken(f"{msg}, which decide had given") from error
        self.log.append(one)

    def _tell(self, wish: Wish, seen: int, answer: str) -> None:
        missed = self.version - seen
        late = f", who has not seen the last {missed} events" if missed > 1 else ""
        late = ", who has not seen the last event" if missed == 1 else late
        self.steps.append(f"{wish.who}{late}: {wish.command!r} -> {answer}")


def _answer(decision: Decision[Command, Event]) -> str:
    events = ", ".join(map(repr, decision.events))
    rule = decision.report.rule if decision.report else None
    by = f" by rule {rule}" if rule else ""
    if not decision.events:
        return f"unchanged{by}"
    return events if decision.outcome == "applied" else f"{decision.outcome.value}{by}: {events}"
