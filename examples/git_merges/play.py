"""Plays a merge: two sessions that have both seen the merge base send their commands in turn.

`played` does this for many merges at a time; each merge is an aggregate of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from examples.git_merges.domain import (
    CopyIn,
    IdTaken,
    Registry,
    RegistryCommand,
    RegistryEvent,
    TakeId,
    registry,
)
from examples.git_merges.merges import Content, Merge, content, entries

from comity.actors import Aggregate, Domain
from comity.engine import ComityError, MergeReport, Outcome, Receipt, Refused

AT_ONCE = 100
"""The most commands in flight, since an aggregate's inbox is bounded (`Policy.inbox`)."""


@dataclass(frozen=True)
class Answer:
    """A command and its outcome."""

    command: RegistryCommand
    report: MergeReport
    events: tuple[RegistryEvent, ...] = ()

    @property
    def outcome(self) -> Outcome:
        return self.report.outcome

    @property
    def by_rule(self) -> bool:
        """Whether a rule of the domain changed it; then the order matters."""
        return self.report.became is not None or (
            self.outcome is Outcome.UNCHANGED and self.report.rule is not None
        )


@dataclass(frozen=True)
class MovedId:
    """An id that was taken, and the id that the language got instead."""

    language: str
    wanted: int
    got: int
    answer: Answer


@dataclass(frozen=True)
class Played:
    """A merge, and comity's result."""

    merge: Merge
    first: tuple[Answer, ...]
    second: tuple[Answer, ...]
    result: Content

    @property
    def answers(self) -> tuple[Answer, ...]:
        return self.first + self.second

    @property
    def refused(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.outcome.refused]

    @property
    def same_as_people(self) -> bool:
        return self.result == self.merge.people

    @property
    def moved_ids(self) -> list[MovedId]:
        return [
            MovedId(command.language, command.number, event.number, answer)
            for answer in self.answers
            if isinstance(command := answer.command, TakeId)
            for event in answer.events
            if isinstance(event, IdTaken) and event.number != command.number
        ]


def played(
    domain: Domain, merges: Iterable[Merge], *, ours_first: bool = False, threads: int = 4
) -> Iterator[Played]:
    """Play the merges, several at a time, and yield the results in order."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(partial(play, domain, ours_first=ours_first), merges)


def play(domain: Domain, merge: Merge, *, ours_first: bool = False) -> Played:
    """Play one merge: both sides saw the merge base; by default theirs are accepted first."""
    key = f"{merge.commit}-ours-first" if ours_first else merge.commit
    setup = domain.session("setup").aggregate(registry, key)
    base = copy_in(setup, merge)
    theirs = domain.session("theirs").aggregate(registry, key)
    ours = domain.session("ours").aggregate(registry, key)
    if ours_first:
        first = send(ours, merge.ours, base)
        second = send(theirs, merge.theirs, base)
    else:
        first = send(theirs, merge.theirs, base)
        second = send(ours, merge.ours, base)
    return Played(merge, first, second, content(domain.state(setup)))


def copy_in(setup: Aggregate[Registry, RegistryCommand, RegistryEvent], merge: Merge) -> int:
    """Bring the registry to the merge base; returns the version that both sides have seen."""
    languages = entries(merge.base)
    version = 0
    for start in range(0, max(len(languages), len(merge.reserved)), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        command = CopyIn(entries=languages[some], reserved=merge.reserved[some])
        version = setup.send(command).result(timeout=30).version
    return version


def send(
    aggregate: Aggregate[Registry, RegistryCommand, RegistryEvent],
    commands: Sequence[RegistryCommand],
    seen: int,
) -> tuple[Answer, ...]:
    """Send the commands in order, all with the same seen version."""
    answers: list[Answer] = []
    for start in range(0, len(commands), AT_ONCE):
        some = commands[start : start + AT_ONCE]
        results = aggregate.send_many(some, seen=seen).result(timeout=30)
        answers += map(answer, some, results)
    return tuple(answers)


def answer(command: RegistryCommand, result: Receipt[RegistryEvent] | ComityError) -> Answer:
    match result:
        case Receipt():
            return Answer(command, result.report, result.events)
        case Refused():
            return Answer(command, result.report)
        case _:
            raise result
