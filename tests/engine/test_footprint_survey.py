"""Surveys of footprints: what is too narrow or too wide in histories is found, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from comity.actors import Domain
from comity.engine import AggregateId, Command, Decider, DeciderFailed, Event, Key, Rejected, Sent
from comity.engine.checking.finding import Finding, Fit
from comity.engine.checking.footprints import Attempt, Step, Survey
from comity.engine.checking.histories import recorded_history
from comity.engine.journal.opener import LmdbOpener
from comity.engine.merging.at import At


class Name(Command):
    card: Key[str]
    name: str
    touches = "card/{card}"  # too wide: only the name


class Move(Command):
    card: Key[str]
    column: str


class Mark(Command):
    card: Key[str]
    colour: str


class Named(Event):
    card: Key[str]
    name: str
    touches = "card/{card}"


class Moved(Event):
    card: Key[str]
    column: str


class Marked(Event):
    card: Key[str]
    colour: str


@dataclass
class Cards:
    names: dict[str, str] = field(default_factory=dict[str, str])
    columns: dict[str, str] = field(default_factory=dict[str, str])
    last: str = ""


AnyCommand = Name | Move | Mark
AnyEvent = Named | Moved | Marked


def decide(cards: Cards, command: AnyCommand) -> Iterator[AnyEvent]:
    match command:
        case Name(card=card, name=name):
            yield Named(card=card, name=name)
        case Move(card=card, column=column):
            yield Moved(card=card, column=column)
        case Mark(card=card, colour=colour):
            yield Marked(card=card, colour=colour)


def evolve(cards: Cards, event: AnyEvent) -> Cards:
    match event:
        case Named(card=card, name=name):
            cards.names[card] = name
        case Moved(card=card, column=column):
            cards.columns[card] = column
        case Marked(colour=colour):
            cards.last = colour  # too narrow: one for all cards
    return cards


cards = Decider("cards", Cards, decide, evolve)


def history(*events: AnyEvent) -> list[Step[AnyEvent]]:
    """A history of one command for each event."""
    return [
        Step(event, At(version), "", version, event.footprint())
        for version, event in enumerate(events, 1)
    ]


def survey(*histories: list[Step[AnyEvent]]) -> list[Finding]:
    """What is found in these histories."""
    found = Survey(cards)
    for one in histories:
        found.add(one)
    return found.findings()


FIRST = Named(card="z", name="z")


def test_an_event_that_overwrites_what_it_does_not_touch_is_too_narrow() -> None:
    (finding,) = survey(
        history(FIRST, Marked(card="a", colour="red"), Marked(card="b", colour="blue"))
    )
    assert (finding.fit, finding.later, finding.earlier) == (Fit.TOO_NARROW, "Marked", "Marked")
    assert finding.paths == ("card/b/colour", "card/a/colour")
    assert finding.parts == ("last", "last")
    assert finding.example == (
        "Marked(card='b', colour='blue')", "Marked(card='a', colour='red')",
    )  # fmt: skip


def test_an_aggregates_first_event_is_seen_by_everybody() -> None:
    assert survey(history(Marked(card="a", colour="red"), Marked(card="b", colour="blue"))) == []


def test_what_the_command_touches_counts_and_not_only_its_event() -> None:
    steps = history(FIRST, Marked(card="a", colour="red"), Marked(card="b", colour="blue"))
    steps[2] = steps[2]._replace(footprint=(("card",),))
    assert survey(steps) == []


PAIR = (Named(card="a", name="x"), Moved(card="a", column="todo"))


def test_a_clash_that_was_never_needed_is_too_wide_once_it_was_met_often_enough() -> None:
    assert survey(*[history(FIRST, *PAIR)] * (Survey.ENOUGH - 1)) == []
    (finding,) = survey(*[history(FIRST, *PAIR)] * Survey.ENOUGH)
    assert (finding.fit, finding.later, finding.earlier) == (Fit.TOO_WIDE, "Moved", "Named")
    assert finding.pairs == Survey.ENOUGH
    assert finding.parts == ("columns/a", "names/a")
    assert finding.paths == ("card/a/column", "card/a")


def test_events_of_one_command_never_meet() -> None:
    steps = [step._replace(number=1) for step in history(*PAIR)]
    assert survey(*[steps] * Survey.ENOUGH) == []


def test_a_clash_is_needed_if_the_events_once_changed_the_same() -> None:
    def both(cards: Cards, event: AnyEvent) -> Cards:
        if isinstance(event, Moved) and event.column == "done":
            cards.names[event.card] = "over"
        return evolve(cards, event)

    found = Survey(Decider("cards", Cards, decide, both))
    for _ in range(Survey.ENOUGH):
        found.add(history(FIRST, *PAIR))
    assert len(found.findings()) == 1
    found.add(history(FIRST, PAIR[0], Moved(card="a", column="done")))
    assert found.findings() == []


def test_a_clash_is_needed_if_a_command_depends_on_the_earlier_event() -> None:
    def careful(cards: Cards, command: AnyCommand) -> Iterator[AnyEvent]:
        if isinstance(command, Move) and cards.names.get(command.card) == "stuck":
            raise Rejected("it is stuck")
        yield from decide(cards, command)

    found = Survey(Decider("cards", Cards, careful, evolve))
    move = Move(card="a", column="todo")
    steps = [step._replace(command="Move") for step in history(FIRST, *PAIR)]
    for _ in range(Survey.ENOUGH):
        found.add(steps)
    assert len(found.findings()) == 1
    found.add([*history(FIRST, Named(card="a", name="stuck")), Attempt(move, Sent("ann"))])
    assert found.findings() == []


def test_an_evolve_that_raises_is_told_with_its_event() -> None:
    def failing(cards: Cards, event: AnyEvent) -> Cards:
        raise ZeroDivisionError

    with pytest.raises(DeciderFailed, match=r"evolve raised ZeroDivisionError on Named.*version 1"):
        Survey(Decider("cards", Cards, decide, failing)).add(history(FIRST))


# --- recorded


def test_a_recorded_history_has_the_footprints_of_its_commands(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "j", deciders=[cards]) as domain:
        aggregate = domain.aggregate(cards, "a")
        aggregate.send(Name(card="z", name="z")).result(60)
        aggregate.send(Mark(card="a", colour="red")).result(60)
        aggregate.send(Mark(card="b", colour="blue")).result(60)
    journal = LmdbOpener(tmp_path / "j").open(read_only=True)
    steps = list(recorded_history(cards, journal, AggregateId("cards", "a"), 100))
    journal.close()
    assert [step.command for step in steps] == ["Name", "Mark", "Mark"]
    assert set(steps[1].footprint) == {("card", "a", "colour")}
    found = Survey(cards)
    found.add(steps)
    assert [one.fit for one in found.findings()] == [Fit.TOO_NARROW]


def test_of_a_command_whose_fields_are_not_known_more_is_taken_to_be_touched(
    tmp_path: Path,
) -> None:
    with Domain.open(tmp_path / "j", deciders=[swaps]) as domain:
        domain.aggregate(swaps, "a").send(Swap(card="a", other="b")).result(60)
    journal = LmdbOpener(tmp_path / "j").open(read_only=True)
    (step,) = recorded_history(swaps, journal, AggregateId("swaps", "a"), 100)
    journal.close()
    assert set(step.footprint) == {("card", "a", "colour"), ("card",)}


class Swap(Command):
    card: Key[str]
    other: str
    touches = ("card/{card}/colour", "card/{other}/colour")


def swap(cards: Cards, command: Swap) -> Iterator[Marked]:
    yield Marked(card=command.card, colour=command.other)


def swapped(cards: Cards, event: Marked) -> Cards:
    return evolve(cards, event)


swaps = Decider("swaps", Cards, swap, swapped)
