"""Every transition of a flight's table, the races between its threads, and any order of events."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.actors.faulty_journal import Fault, FaultyJournal, Overtaken, foreign, lost, stored
from tests.actors.notebook import MISCHIEF, Misbehave, Stall, Write, Written, notebook, raising
from tests.actors.shelf import until

from comity.actors import Domain, Pending
from comity.actors.aggregates.aggregate_actor import AggregateActor
from comity.actors.aggregates.decided_turn import DecidedTurn
from comity.actors.aggregates.flight import Flight, State
from comity.actors.aggregates.recent import Recent
from comity.actors.aggregates.task import Answer, Task
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import (
    AggregateId,
    Closed,
    DeciderFailed,
    Expired,
    Outcome,
    OutcomeUnknown,
    StorageFailed,
)
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.sent import Sender

BOOK = AggregateId("notebook", "a")
DECIDER = cast("AnyDecider", notebook)

GROUNDED, CLEAR, FLYING, LANDING = State.GROUNDED, State.CLEAR, State.FLYING, State.LANDING


# --- the table ----------------------------------------------------------------------------------


class Deck:
    """A flight, with what its actor and the committer would hold of it."""

    def __init__(self) -> None:
        self.woken = 0
        self.flight = Flight(threading.Lock(), self._wake)
        self.air: list[DecidedTurn] = []

    def _wake(self) -> None:
        self.woken += 1

    def arrive(self, *ids: str, deadline: float = 10.0) -> list[Task]:
        """Commands arrive and wait to be decided."""
        tasks = [task(id_, deadline) for id_ in ids]
        self.flight.let_in(tasks)
        self.flight.wait(tasks)
        return tasks

    def decide(self) -> DecidedTurn:
        """The actor decides whatever waits."""
        turn = DecidedTurn(self.flight, BOOK, DECIDER, 0)
        for one in self.flight.take():
            one.decided(Outcome.APPLIED, (), 0, 0)
            turn.add_preview(one)
        return turn

    def take_off(self, *ids: str) -> DecidedTurn:
        """Commands arrive, are decided and go to the journal."""
        self.arrive(*ids)
        turn = self.decide()
        assert self.flight.take_off(turn)
        self.air.append(turn)
        return turn

    def waiting(self) -> list[str]:
        """The ids of what waits, in order; it is taken away."""
        return [one.id for one in self.flight.take()]


def task(id_: str, deadline: float = 10.0, *, retry: bool = False) -> Task:
    return Task(BOOK, Write(page="p", text=id_), Sender(), id_, THREADS, deadline, {}, retry)


def deck(state: State) -> Deck:
    """A flight in this state; with two turns in the air, if any."""
    made = Deck()
    if state is not GROUNDED:
        made.flight.load(7)
    if state in {FLYING, LANDING}:
        made.take_off("1", "2")
        made.take_off("3")
    if state is LANDING:
        made.flight.distrust()
    assert made.flight.state is state
    return made


def load(made: Deck) -> None:
    made.flight.load(8)


def distrust(made: Deck) -> None:
    made.flight.distrust()


def fall_behind(made: Deck) -> None:
    made.flight.fall_behind()


def take_off(made: Deck) -> None:
    made.arrive("4")
    made.flight.take_off(made.decide())


def land(made: Deck) -> None:
    made.flight.land(made.air[0] if made.air else DecidedTurn(made.flight, BOOK, DECIDER, 0))


def land_all(made: Deck) -> None:
    land(made)
    made.flight.land(made.air[1])


def lose(made: Deck) -> None:
    made.flight.lose()


TABLE: dict[tuple[State, Callable[[Deck], None]], State | None] = {
    (GROUNDED, load): CLEAR,
    (GROUNDED, distrust): GROUNDED,
    (GROUNDED, fall_behind): GROUNDED,
    (GROUNDED, take_off): GROUNDED,  # refused
    (GROUNDED, land): None,
    (GROUNDED, lose): None,
    (CLEAR, load): None,
    (CLEAR, distrust): GROUNDED,
    (CLEAR, fall_behind): GROUNDED,
    (CLEAR, take_off): FLYING,
    (CLEAR, land): None,
    (CLEAR, lose): None,
    (FLYING, load): None,
    (FLYING, distrust): LANDING,
    (FLYING, fall_behind): LANDING,
    (FLYING, take_off): FLYING,
    (FLYING, land): FLYING,
    (FLYING, land_all): CLEAR,
    (FLYING, lose): GROUNDED,
    (LANDING, load): None,
    (LANDING, distrust): LANDING,
    (LANDING, fall_behind): LANDING,
    (LANDING, take_off): None,
    (LANDING, land): LANDING,
    (LANDING, land_all): GROUNDED,
    (LANDING, lose): GROUNDED,
}
"""What comes of an event in a state; None: it raises, and nothing changes."""


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [(*one, after) for one, after in TABLE.items()],
    ids=lambda one: getattr(one, "name", getattr(one, "__name__", "raises")),
)
def test_a_transition(before: State, event: Callable[[Deck], None], after: State | None) -> None:
    made = deck(before)
    if after is None:
        with pytest.raises(RuntimeError, match=before.name):
            event(made)
        assert made.flight.state is before
    else:
        event(made)
        assert made.flight.state is after


def test_what_lands_is_durable_and_not_on_its_way_any_more() -> None:
    made = deck(FLYING)
    made.flight.land(made.air[0], 9)
    assert made.flight.durable == 9
    assert list(made.flight.sent) == ["3"]
    assert [turn.current for turn in made.air] == [False, True]
    made.flight.land(made.air[1])  # a preview makes no version
    assert made.flight.durable == 9
    assert not made.flight.sent


def test_turns_land_in_the_order_in_which_they_took_off() -> None:
    made = deck(FLYING)
    with pytest.raises(RuntimeError, match="in the order"):
        made.flight.land(made.air[1])
    assert made.flight.unanswered == 3


def test_what_is_lost_comes_back_in_order_before_what_waits_and_is_looked_up() -> None:
    made = deck(LANDING)
    made.arrive("4")
    made.flight.lose()
    assert made.woken == 1
    assert [turn.current for turn in made.air] == [False, False]
    back = made.flight.take()
    assert [one.id for one in back] == ["1", "2", "3", "4"]
    assert [one.retry for one in back] == [True, True, True, False]


def test_what_is_lost_and_has_an_answer_does_not_come_back() -> None:
    made = deck(FLYING)
    one = made.air[0].tasks[1]
    made.flight.lose([(one, StorageFailed("x"))])
    assert isinstance(one.answer(), StorageFailed)
    assert made.waiting() == ["1", "3"]
    assert list(made.flight.sent) == ["1", "3"]


def test_a_turn_whose_state_was_lost_meanwhile_comes_back_after_what_was_decided_before() -> None:
    made = deck(FLYING)
    made.arrive("4", "5")
    turn = made.decide()
    made.flight.lose()
    assert not made.flight.take_off(turn)
    assert not turn.current
    assert made.waiting() == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("event", "sound"), [(fall_behind, True), (distrust, False), (lose, False), (land_all, True)]
)
def test_a_state_that_is_only_old_need_not_be_loaded_from_the_start(
    event: Callable[[Deck], None],
    sound: bool,  # noqa: FBT001
) -> None:
    made = deck(FLYING)
    event(made)
    assert made.flight.sound is sound


def test_what_a_turn_has_no_room_for_waits_before_all_others() -> None:
    made = deck(CLEAR)
    one, *left = made.arrive("1", "2", "3")
    turn = DecidedTurn(made.flight, BOOK, DECIDER, 0)
    made.flight.take()
    turn.add_preview(one)
    made.arrive("4")
    assert made.flight.take_off(turn, left)
    assert made.waiting() == ["2", "3", "4"]


def test_a_turn_without_commands_stays_on_the_ground() -> None:
    made = deck(CLEAR)
    assert not made.flight.take_off(DecidedTurn(made.flight, BOOK, DECIDER, 0), made.arrive("1"))
    assert made.flight.state is CLEAR


@pytest.mark.parametrize(
    ("before", "calm", "after"), [(CLEAR, True, CLEAR), (FLYING, False, LANDING)]
)
def test_nothing_more_is_decided_before_what_is_in_the_air_has_landed(
    before: State,
    calm: bool,  # noqa: FBT001
    after: State,
) -> None:
    made = deck(before)
    assert made.flight.hold([task("9")]) is calm
    assert made.flight.state is after
    if not calm:
        land_all(made)
        assert made.woken == 1
    assert made.waiting() == ["9"]


def test_the_actor_is_woken_when_it_may_load_and_something_waits() -> None:
    made = deck(LANDING)
    made.arrive("4")
    assert not made.flight.due
    made.flight.land(made.air[0])
    assert made.woken == 0
    made.flight.land(made.air[1])
    assert made.woken == 1
    assert made.flight.due


def test_nobody_is_woken_for_nothing() -> None:
    made = deck(LANDING)
    land_all(made)
    made = deck(FLYING)
    made.flight.lose([(one, Closed("x")) for turn in made.air for one in turn.tasks])
    assert made.woken == 0


def test_a_command_that_is_in_the_air_is_joined_and_one_that_is_answered_is_not() -> None:
    made = deck(FLYING)
    again = task("1", 99.0, retry=True)
    first = made.flight.sent["1"]
    assert made.flight.join(again)
    assert first.deadline == 99.0
    made.flight.answer(first, Closed("x"))
    assert isinstance(again.answer(), Closed)
    assert not made.flight.join(task("1", retry=True))


def test_another_command_with_the_same_id_has_a_place_of_its_own() -> None:
    made = deck(FLYING)
    other = task("1", retry=True)
    made.flight.let_in([other])
    assert made.flight.sent["1"] is made.air[0].tasks[0]
    assert made.flight.sent[other] is other


def test_a_turn_knows_the_ids_that_it_stores_whenever_it_is_asked() -> None:
    turn = DecidedTurn(deck(CLEAR).flight, BOOK, DECIDER, 0)
    added: list[str] = []
    for id_ in "abcd":
        assert not turn.holds(id_)
        one = task(id_)
        one.decided(Outcome.APPLIED, (), 0, 0)
        turn.add(one, b"")
        tried = task(f"{id_} tried")
        tried.preview = True
        turn.add_preview(tried)
        added.append(id_)
        if id_ != "b":  # asked now and then, as retries come among others
            assert all(turn.holds(one) for one in added)
    assert not turn.holds("a tried")


def test_what_waits_past_its_deadline_is_taken_away_alone() -> None:
    made = deck(LANDING)
    made.arrive("4", deadline=1.0)
    made.arrive("5")
    assert [one.id for one in made.flight.take_late(2.0)] == ["4"]
    assert made.waiting() == ["5"]


# --- any order of events -------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Whatever the threads do, commands land in the order in which they came, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Deck()
        self.flight = self.made.flight
        self.number = 0
        self.turn: DecidedTurn | None = None
        self.inbox: list[Task] = []
        self.air: list[DecidedTurn] = []
        self.loaded = False
        self.waiting: list[str] = []
        self.landed: list[str] = []
        self.answered: set[str] = set()

    @rule(many=st.integers(0, 3))
    def arrive(self, many: int) -> None:
        ids = [f"{self.number + each:06}" for each in range(many)]
        self.number += many
        self.waiting += ids
        tasks = [task(id_) for id_ in ids]
        with self.flight._lock:  # pyright: ignore[reportPrivateUsage]
            self.flight.let_in(tasks)
        if self.turn is None:  # else they would wait in the inbox
            self.flight.wait(tasks)
        else:
            self.inbox += tasks

    @precondition(lambda self: self.turn is None and self.flight.due and self.loaded)
    @rule()
    def decide(self) -> None:
        self.turn = self.made.decide()

    @precondition(lambda self: self.turn is not None)
    @rule(fails=st.booleans())
    def take_off(self, fails: bool) -> None:  # noqa: FBT001
        assert self.turn is not None
        flies = self.flight.take_off(self.turn)
        assert flies == self.loaded
        if flies:
            self.air.append(self.turn)
            for one in self.turn.tasks:
                self.waiting.remove(one.id)
        self.turn = None
        self.flight.wait(self.inbox)
        self.inbox = []
        if fails:
            self.distrust()

    @precondition(lambda self: self.turn is None)
    @rule()
    def distrust(self) -> None:
        self.flight.distrust()
        self.loaded = False

    @precondition(lambda self: self.turn is None and not self.loaded and not self.air)
    @rule()
    def load(self) -> None:
        self.flight.load(len(self.landed))
        self.loaded = True

    @precondition(lambda self: self.air)
    @rule()
    def land(self) -> None:
        turn = self.air.pop(0)
        assert turn.current
        self.flight.land(turn, len(self.landed))
        self.landed += ids_of(turn)

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        lost_ids = [id_ for turn in self.air for id_ in ids_of(turn)]
        chosen = data.draw(st.sets(st.sampled_from(lost_ids))) if lost_ids else set[str]()
        tasks = [one for turn in self.air for one in turn.tasks]
        self.flight.lose([(one, Closed("x")) for one in tasks if one.id in chosen])
        assert not any(turn.current for turn in self.air)
        self.answered |= chosen
        self.waiting = [*(id_ for id_ in lost_ids if id_ not in chosen), *self.waiting]
        self.air, self.loaded = [], False

    @invariant()
    def it_is_in_the_state_of_the_table(self) -> None:
        states = {
            (False, False): GROUNDED, (True, False): CLEAR,
            (True, True): FLYING, (False, True): LANDING,
        }  # fmt: skip
        assert self.flight.state is states[self.loaded, bool(self.air)]

    @invariant()
    def every_command_is_in_one_place(self) -> None:
        in_the_air = [id_ for turn in self.air for id_ in ids_of(turn)]
        everywhere = [*self.landed, *self.answered, *in_the_air, *self.waiting]
        assert len(everywhere) == len(set(everywhere)) == self.number
        assert set(self.flight.sent) == {*in_the_air, *self.waiting}
        if self.turn is None:
            waits = [one.id for one in self.flight._waiting]  # pyright: ignore[reportPrivateUsage]
            assert waits == self.waiting

    @invariant()
    def commands_land_in_the_order_in_which_they_came(self) -> None:
        assert self.landed == sorted(self.landed)


def ids_of(turn: DecidedTurn) -> list[str]:
    return [one.id for one in turn.tasks]


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30)


# --- its threads --------------------------------------------------------------------------------


def texts(domain: Domain) -> list[str]:
    """What was written into the book, in order."""
    book = domain.aggregate(notebook, "a")
    return [one.event.text for one in domain.history(book) if isinstance(one.event, Written)]


def actor_of(domain: Domain) -> AggregateActor:
    """The book's."""
    actor = domain._assembly.live.get(BOOK)  # pyright: ignore[reportPrivateUsage]
    assert actor is not None
    return actor


def state_of(domain: Domain) -> State:
    """Of the book's flight."""
    return actor_of(domain)._flight.state  # pyright: ignore[reportPrivateUsage]


def test_the_last_answer_that_comes_between_the_look_and_the_end_of_the_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Overtaken()
    on_turn = AggregateActor.on_turn
    landed: list[bool] = []

    def slow(self: AggregateActor, messages: list[Task]) -> None:
        on_turn(self, messages)
        flight = self._flight  # pyright: ignore[reportPrivateUsage]
        if flight.state is LANDING:  # it has looked, and its turn is not over
            journal.released.set()
            landed.append(until(lambda: flight.state is GROUNDED))

    monkeypatch.setattr(AggregateActor, "on_turn", slow)
    MISCHIEF["bug"] = raising(ValueError("x"))
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        bug, last = book.send_many(
            [Misbehave(name="bug", where="decide"), Write(page="p", text="last")]
        ).pendings
        assert [first.result(60).version, last.result(60).version] == [1, 2]
        assert isinstance(bug.answer(), DeciderFailed)
    assert landed == [True]


def test_what_is_lost_while_a_turn_decides_comes_before_that_turn() -> None:
    journal = Overtaken()
    stall = MISCHIEF["stall"] = Stall()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        second = book.send(Write(page="p", text="second"))
        assert until(lambda: domain.statistics().unanswered == 2)
        third, fourth = book.send_many(
            [Misbehave(name="stall", where="decide"), Write(page="p", text="fourth")]
        ).pendings
        assert stall.entered.wait(60)
        journal.overtake()
        assert until(lambda: state_of(domain) is GROUNDED)
        stall.released.set()
        answers = [one.result(60).version for one in (first, second, third, fourth)]
        assert answers == [2, 3, 4, 5]
        assert texts(domain) == ["eve", "first", "second", "fourth"]


def test_a_helper_decides_while_the_committer_finds_out_that_another_was_first() -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        helped = task("helped", time.monotonic() + 60)
        actor = domain._assembly.post(BOOK, [helped], helps=True)  # pyright: ignore[reportPrivateUsage]
        assert actor is not None
        helper = threading.Thread(target=actor.help)
        helper.start()
        helper.join(60)  # it could not write: the committer is at it
        assert actor.unanswered == 2
        journal.overtake()
        assert first.result(60).version == 2
        assert helped.result(60).version == 3
        assert texts(domain) == ["eve", "first", "helped"]


def test_a_preview_between_is_of_the_state_that_came_about() -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        preview = book.preview(Write(page="p", text="first"))
        last = book.send(Write(page="p", text="last"))
        assert until(lambda: domain.statistics().unanswered == 3)
        assert not preview.done()
        journal.overtake()
        assert [first.result(60).version, last.result(60).version] == [2, 3]
        assert (preview.result(60).version, preview.result(60).outcome) == (2, Outcome.UNCHANGED)


def test_a_preview_alone_in_the_air_lets_the_next_one_look_who_was_first() -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        book.send(Write(page="p", text="x")).result(60)
        committer = domain._assembly.services.committer  # pyright: ignore[reportPrivateUsage]
        with committer._role:  # pyright: ignore[reportPrivateUsage] - nothing is answered meanwhile
            old = book.preview(Write(page="p", text="eve"))
            assert until(lambda: domain.statistics().unanswered == 1)
            journal.really_append([foreign("eve-1", 1)])
            new = book.preview(Write(page="p", text="eve"))
            assert until(lambda: domain.statistics().undecided == 1)
        assert old.result(60).outcome is Outcome.APPLIED
        assert new.result(60).outcome is Outcome.UNCHANGED


def test_what_waits_for_a_landing_expires_and_the_landing_goes_on() -> None:
    journal = Overtaken()
    MISCHIEF["bug"] = raising(ValueError("x"))
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        book.send(Misbehave(name="bug", where="decide"))
        assert until(lambda: state_of(domain) is LANDING)
        late = book.send(Write(page="p", text="late"), deadline=0.01)
        with pytest.raises(Expired):
            late.result(60)
        assert state_of(domain) is LANDING
        journal.released.set()
        assert first.result(60).version == 1
        assert book.send(Write(page="p", text="after")).result(60).version == 2


def test_a_retry_joins_what_comes_back_and_gets_its_answer() -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"), id="1")
        assert journal.entered.wait(60)
        joined = book.send(Write(page="p", text="first"), id="1")
        journal.overtake()
        assert first.result(60) == joined.result(60)
        assert first.result(60).version == 2
        assert texts(domain) == ["eve", "first"]


def ended(pending: Pending[Answer]) -> type[object]:
    """What sort of answer it got."""
    pending.wait(60)
    return type(pending.answer())


@pytest.mark.parametrize(
    ("fault", "written"), [(lost, ["after"]), (stored, ["first", "after"])], ids=["lost", "stored"]
)
def test_what_fails_is_answered_with_the_truth_and_what_came_after_it_is_decided_again(
    fault: Fault, written: list[str]
) -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        journal.fault = fault
        after = book.send(Write(page="p", text="after"))
        assert until(lambda: domain.statistics().unanswered == 2)
        journal.released.set()
        assert after.result(60).version == len(written)
        assert isinstance(first.answer(), StorageFailed) == (fault is lost)
        assert texts(domain) == written


def test_closing_answers_what_waits_and_what_is_in_the_air() -> None:
    journal = Overtaken()
    MISCHIEF["bug"] = raising(ValueError("x"))
    domain = Domain(journal, deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    first = book.send(Write(page="p", text="first"))
    assert journal.entered.wait(60)
    book.send(Misbehave(name="bug", where="decide"))
    waits = book.send(Write(page="p", text="waits"))
    assert until(lambda: state_of(domain) is LANDING and domain.statistics().undecided == 1)
    closing = threading.Thread(target=partial(domain.close, timeout=0.2))
    closing.start()
    assert [ended(one) for one in (waits, first)] == [Closed, OutcomeUnknown]
    actor = actor_of(domain)
    journal.released.set()
    closing.join(60)
    assert until(lambda: actor.unanswered == 0)  # it landed, and its answer stays
    assert isinstance(first.answer(), OutcomeUnknown)


def test_what_is_durable_is_answered_although_telling_others_of_it_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, domain: Domain
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")

    def no_memory(_recent: Recent, _landed: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Recent, "add", no_memory)
    book = domain.aggregate(notebook, "a")
    assert book.send(Write(page="p", text="x")).result(60).version == 1
    assert book.send(Write(page="p", text="y")).result(60).version == 2
