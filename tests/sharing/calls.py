"""What the processes of a test report: each call of a domain, with its start, its end, its answer.

Times are those of `time.monotonic_ns`: one clock for all processes of a machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tests.property.desk import Desk, DeskCommand
from tests.property.rule_story import Answer


class Decided(NamedTuple):
    """The command was decided: everything that the answer says, and the receipt's position."""

    says: Answer
    position: int | None = None
    """None: it was refused."""


class Trouble(NamedTuple):
    """Another error: the name of its class, and its text."""

    kind: str
    text: str


class Call(NamedTuple):
    """A command that was sent."""

    process: str
    who: str
    session: str
    key: str
    id: str
    command: DeskCommand
    seen: int | None
    start: int
    """Before it was sent."""
    sent: int | None = None
    """After `send` had returned."""
    end: int | None = None
    """After it was answered; None: the process died before it reported an answer."""
    answer: Decided | Trouble | None = None


NO_EFFECT = frozenset({"Busy", "Closed", "Expired", "StorageFailed", "StorageFull"})
"""The errors which say that a command certainly had no effect."""


def had_no_effect(call: Call) -> bool:
    """Whether the sender was told so."""
    return isinstance(call.answer, Trouble) and call.answer.kind in NO_EFFECT


class Look(NamedTuple):
    """Somebody looked at an aggregate."""

    process: str
    key: str
    start: int
    end: int
    version: int
    state: Desk


class Heard(NamedTuple):
    """The positions of the events that a listener of a process was given, from the first on."""

    process: str
    positions: tuple[int, ...]


class Shown(NamedTuple):
    """What a snapshot of the model `Counts` showed."""

    process: str
    after: int
    """The position that it was to include; 0: none."""
    position: int
    counts: dict[str, int]
    """The events of each aggregate."""


class Watched(NamedTuple):
    """What a watch of one row of `Counts` gave: the counts, in order."""

    process: str
    key: str
    counts: tuple[int, ...]


Report: TypeAlias = Call | Look | Heard | Shown | Watched


@dataclass
class History:
    """All that was reported. A call that was answered replaces the same call without its answer."""

    calls: list[Call] = field(default_factory=list[Call])
    looks: list[Look] = field(default_factory=list[Look])
    heard: list[Heard] = field(default_factory=list[Heard])
    shown: list[Shown] = field(default_factory=list[Shown])
    watched: list[Watched] = field(default_factory=list[Watched])

    def take(self, reports: list[object]) -> None:
        """Take in what a process has reported."""
        calls: dict[tuple[str, str, int], Call] = {}
        for report in reports:
            match report:
                case Call():
                    calls[report.process, report.id, report.start] = report
                case Look():
                    self.looks.append(report)
                case Heard():
                    self.heard.append(report)
                case Shown():
                    self.shown.append(report)
                case Watched():
                    self.watched.append(report)
                case _:
                    raise AssertionError(report)
        self.calls += calls.values()
