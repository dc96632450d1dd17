"""A journal with processes is written anew: their steps name what is in the copy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.evolution.migrations import records, same
from tests.support import trips
from tests.support.travel import Ask, Hurry, Travel, desk, travel
from tests.support.trips import (
    Reserve,
    Trip,
    Wanted,
    decide_seats,
    evolve_seats,
    rooms,
    seats,
    trip,
)

from comity.actors import Domain
from comity.engine import AggregateId, Decider, Process
from comity.engine.history.note import Note
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.merging.decider import AggregateType
from comity.engine.messages.codec import unpack_fields
from comity.engine.processes.commands import EndByHand
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEvent,
    ProcessHeard,
)
from comity.engine.processes.given_order import INSTANCE
from comity.engine.processes.installed import starts_in, steps_of
from comity.evolution import CopyFailed, JournalEvent, JournalRecord, migrate

if TYPE_CHECKING:
    from comity.engine.journal.record import Record

DECIDERS: list[AggregateType] = [desk, seats, rooms]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journals") / "old.db"
    travel(path)
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new.db"


# What the functions do.


def without_hurry(record: JournalRecord) -> Iterator[JournalRecord]:
    """Nobody hurries; and each trip is wanted by an event more."""
    events = [one for one in record.events if one.name != "Hurried"]
    if record.aggregate.type == "desk":
        note = JournalEvent.made("Noted", {})
        events = [note, *events] if events else []
    yield record.with_events(*events)


def busy_desks(record: JournalRecord) -> Iterator[JournalRecord]:
    """The desks have other keys."""
    type_, key = record.aggregate
    yield record.to(AggregateId(type_, f"busy-{key}" if type_ == "desk" else key))


def places(record: JournalRecord) -> Iterator[JournalRecord]:
    """The decider of seats has another name."""
    type_, key = record.aggregate
    yield record.to(AggregateId("places" if type_ == "seats" else type_, key))


def places_and_orders(record: JournalRecord) -> Iterator[JournalRecord]:
    """The same, and the orders know it."""
    (moved,) = places(record)
    yield moved.with_events(*[_to_places(event) for event in record.events])


def _to_places(event: JournalEvent) -> JournalEvent:
    if event.name == "OrderGiven" and event.fields["type"] == "seats":
        return event.with_fields(type="places")
    return event


def voyages(record: JournalRecord) -> Iterator[JournalRecord]:
    """The process has another name."""
    type_, key = record.aggregate
    yield record.to(AggregateId("voyage" if type_ == "trip" else type_, key))


# What is in the copy.


class Copy:
    """The events of a journal, by position; and the steps of its process."""

    def __init__(self, path: Path, name: str = "trip") -> None:
        journal = LmdbJournal.open(path, read_only=True)
        self.start = starts_in(journal)[name]
        self.records = [record for _, record in journal.read_every()]
        journal.close()
        self.by_position = {
            record.position + part: (record, record.version + part, event)
            for record in self.records
            for part, event in enumerate(record.events, 1)
        }
        self.steps: list[tuple[Record, ProcessEvent]] = [
            (record, steps_of(name).load(event))
            for record in self.records
            if record.aggregate.type == name
            for event in record.events
        ]

    def check(self) -> None:
        """Each step says what is there."""
        orders: dict[tuple[AggregateId, int], OrderGiven] = {}
        for record, step in self.steps:
            match step:
                case ProcessHeard(position=position):
                    source, version, event = self.by_position[position]
                    assert source.aggregate == AggregateId(step.type, step.key)
                    assert (version, event.name) == (step.version, step.name)
                    assert unpack_fields(event.data) == unpack_fields(step.data)
                case OrderGiven(number=number):
                    orders[record.aggregate, number] = step
                case OrderAnswered(number=number, code="", position=position):
                    obeyed, version, _ = self.by_position[position]
                    order = orders[record.aggregate, number]
                    assert obeyed.aggregate == AggregateId(order.type, order.key)
                    assert version == step.version
                    assert obeyed.command_id == f"{record.aggregate}/{number}"
                case _:
                    pass


def test_nothing_is_changed_where_the_function_changes_nothing(old: Path, new: Path) -> None:
    done = migrate(old, new, same, deciders=DECIDERS, processes=[trip])
    assert records(new) == records(old)
    assert (done.changed, done.folded, done.same) == (0, 11, 11)
    Copy(new).check()


def test_steps_name_the_positions_and_versions_of_the_copy(old: Path, new: Path) -> None:
    def one_by_one(record: JournalRecord) -> Iterator[JournalRecord]:
        heard = [one.message for one in record.events]
        if not any(one is not None and one.name == "Hurried" for one in heard):
            yield from without_hurry(record)
        else:
            yield record.with_events()

    migrate(old, new, one_by_one, processes=[trip])
    copy = Copy(new)
    heard = [step.position for _, step in copy.steps if isinstance(step, ProcessHeard)]
    before = [step.position for _, step in Copy(old).steps if isinstance(step, ProcessHeard)]
    assert heard != before
    copy.check()


def test_an_instance_of_the_copy_hears_what_it_has_not_heard_and_nothing_twice(
    tmp_path: Path, new: Path
) -> None:
    old = tmp_path / "old.db"
    with Travel(old) as one:
        one.install()
        for number in range(20):
            one.domain.aggregate(desk, "d9").do(Hurry(trip=f"x{number}"))
        one.ask(Ask(trip="t1"))
        one.ask(Hurry(trip="t1"), heard=False)

    def shorter(record: JournalRecord) -> Iterator[JournalRecord]:
        yield record.with_events() if record.aggregate.key == "d9" else record

    migrate(old, new, shorter, processes=[trip])
    with Travel(new) as one:
        wanted, hurried = [
            one.process.hear(event) for event in one.events() if event.aggregate.key == "d1"
        ]
        assert one.step("t1", wanted) == []
        assert one.version("t1") == 3
        one.step("t1", hurried)
        assert one.version("t1") == 5


def test_heard_events_follow_an_aggregate_that_has_another_key(old: Path, new: Path) -> None:
    migrate(old, new, busy_desks, deciders=DECIDERS, processes=[trip])
    copy = Copy(new)
    assert {step.key for _, step in copy.steps if isinstance(step, ProcessHeard)} == {
        "busy-d1", "busy-d2",
    }  # fmt: skip
    copy.check()


def test_orders_to_an_aggregate_that_is_gone_are_refused(old: Path, new: Path) -> None:
    with pytest.raises(CopyFailed, match=r"trip/t2 ordered Reserve of seats/LH1.*OrderGiven"):
        migrate(old, new, places)


def test_orders_that_follow_a_renamed_decider_are_folded(old: Path, new: Path) -> None:
    elsewhere = Decider("places", set[str], decide_seats, evolve_seats)
    later = Process(
        "trip", Trip, trips.key, trips.evolve, trips.react,
        starts=[Wanted], orders=[elsewhere, rooms],
    )  # fmt: skip
    done = migrate(old, new, places_and_orders, deciders=[desk, elsewhere], processes=[later])
    assert done.folded == 10
    Copy(new).check()


def test_orders_to_a_type_of_which_nothing_is_left_are_refused(old: Path, new: Path) -> None:
    def no_seats(record: JournalRecord) -> Iterator[JournalRecord]:
        yield record.with_events() if record.aggregate.type == "seats" else record

    with pytest.raises(CopyFailed, match="processes gave orders to seats"):
        migrate(old, new, no_seats)


def test_orders_of_a_renamed_process_have_the_ids_that_it_gives_them(old: Path, new: Path) -> None:
    migrate(old, new, voyages, deciders=DECIDERS)
    copy = Copy(new, "voyage")
    copy.check()
    assert {
        Note.unpack(record.note).metadata[INSTANCE]
        for record in copy.records
        if record.aggregate.type in ("seats", "rooms")
    } == {"voyage/t1", "voyage/t2", "voyage/t3"}


def test_the_place_where_a_process_begins_is_translated(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    with Travel(old) as one:
        for number in range(4):
            one.ask(Hurry(trip=f"t{number}"), heard=False)
        one.install(4)

    def fewer(record: JournalRecord) -> Iterator[JournalRecord]:
        yield record if record.command_id != "Hurry-t1" else record.with_events()

    migrate(old, new, fewer, processes=[trip])
    assert (Copy(old).start, Copy(new).start) == (4, 3)


def test_what_an_instance_has_given_up_is_translated(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    with Travel(old) as one:
        one.install()
        for number in range(4):
            one.domain.aggregate(desk, "d9").do(Hurry(trip=f"x{number}"))
        one.ask(Ask(trip="t1"), heard=False)
        (bad,) = [event.position for event in one.events() if event.aggregate.key == "d1"]
        one.step("t1", EndByHand(upto=bad))

    def shorter(record: JournalRecord) -> Iterator[JournalRecord]:
        yield record.with_events() if record.aggregate.key == "d9" else record

    migrate(old, new, shorter, processes=[trip])
    with Travel(new) as one:
        (wanted,) = [event for event in one.events() if event.aggregate.key == "d1"]
        one.step("t1", one.process.hear(wanted))
        one.step("t1", EndByHand(upto=wanted.position))
        assert one.version("t1") == 1
        one.step("t1", EndByHand(upto=wanted.position + 1))
        assert one.version("t1") == 2


def test_the_message_in_a_step_can_be_changed(old: Path, new: Path) -> None:
    def renamed(record: JournalRecord) -> Iterator[JournalRecord]:
        yield record.with_events(*map(wished, record.events))

    def wished(event: JournalEvent) -> JournalEvent:
        if event.message is not None and event.message.name == "Wanted":
            return event.with_message(event.message.renamed("Wished"))
        return event.renamed("Wished") if event.name == "Wanted" else event

    migrate(old, new, renamed)
    copy = Copy(new)
    names = [step.name for _, step in copy.steps if isinstance(step, ProcessHeard)]
    assert names.count("Wished") == 6
    copy.check()


def test_a_domain_goes_on_with_the_copy_and_nothing_is_ordered_twice(
    tmp_path: Path, new: Path
) -> None:
    old = tmp_path / "old.db"
    with Travel(old) as one:
        one.install()
        for number in range(5):
            one.domain.aggregate(desk, "d9").do(Hurry(trip=f"x{number}"))
        one.ask(Ask(trip="t1"))  # its order is not sent
        (given,) = one.ask(Ask(trip="t2", seat="LH2"))  # its order has no answer
        order = one.process.order_of(given, "t2")
        target = one.domain.aggregate(seats, "LH2")
        target.do(Reserve(trip="t2"), id=order.id, metadata=order.metadata)
        one.ask(Ask(trip="t3", seat="LH3"), heard=False)

    def elsewhere(record: JournalRecord) -> Iterator[JournalRecord]:
        (moved,) = voyages(record)
        yield moved.with_events() if record.aggregate.key == "d9" else moved

    voyage = Process(
        "voyage", Trip, trips.key, trips.evolve, trips.react, starts=[Wanted], orders=[seats, rooms]
    )
    migrate(old, new, elsewhere, deciders=DECIDERS, processes=[voyage])
    with Domain.open(new, deciders=DECIDERS, processes=[voyage]) as domain:
        until = time.monotonic() + 60
        while domain.processes()[0].ended < 3:
            assert time.monotonic() < until
            time.sleep(0.01)
        reserved = [
            (key, one.event.trip)
            for key in ("LH1", "LH2", "LH3")
            for one in domain.history(domain.aggregate(seats, key))
        ]
    assert reserved == [("LH1", "t1"), ("LH2", "t2"), ("LH3", "t3")]
