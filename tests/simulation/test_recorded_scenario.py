"""A recorded journal is played again: as it was, by other rules, and on older views."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from comity.actors import Domain
from comity.engine import (
    AggregateId,
    Command,
    Decider,
    Event,
    Invalid,
    JournalDamaged,
    Key,
    NotAJournal,
    Recorded,
    Refused,
    Rejected,
    Sent,
    UnreadableEvent,
    WiringError,
    give_way,
    overwrite,
    reject,
    whole_aggregate,
    with_rules,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.simulation import (
    Act,
    Attempt,
    Crowd,
    Person,
    RealTime,
    RecordedScenario,
    Run,
    Scenario,
    Unplayable,
    compare,
    recorded_scenario,
)
from comity.simulation.comparing.policies import Policy, own_rules

ROOT = Path(__file__).parents[2]
MINUTE = 60_000_000
BEGIN = 1_790_000_000_000_000


# --- a shelf of books -----------------------------------------------------------------------------


class Add(Command):
    book: Key[str]
    title: str


class Rename(Command):
    book: Key[str]
    title: str


class Stamp(Command):
    """Depends on the time, and drops itself if somebody else changed the book."""

    book: Key[str]
    on_conflict = give_way


class Lend(Command):
    """Its event has the number of the loan, which the command has not."""

    book: Key[str]
    to: str
    touches = "book/{book}/loan"


class Added(Event):
    book: Key[str]
    title: str
    touches = "book/{book}"


class Renamed(Event):
    book: Key[str]
    title: str


class Stamped(Event):
    book: Key[str]
    day: str
    touches = "book/{book}"


class Lent(Event):
    book: Key[str]
    reader: str
    touches = "book/{book}/loan"


ShelfCommand: TypeAlias = Add | Rename | Stamp | Lend
ShelfEvent: TypeAlias = Added | Renamed | Stamped | Lent


@dataclass
class Shelf:
    titles: dict[str, str] = field(default_factory=dict[str, str])
    lent: dict[str, str] = field(default_factory=dict[str, str])


def decide(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    if isinstance(command, Add):
        yield Added(book=command.book, title=command.title)
        return
    if command.book not in shelf.titles:
        raise Rejected(f"there is no {command.book}")
    match command:
        case Rename(book=book, title=title):
            if shelf.titles[book] != title:
                yield Renamed(book=book, title=title)
        case Stamp(book=book):
            yield Stamped(book=book, day=f"{sent.time:%Y-%m-%d %H:%M}")
        case Lend(book=book, to=to):
            yield Lent(book=book, reader=to)


def evolve(shelf: Shelf, event: ShelfEvent) -> Shelf:
    match event:
        case Added(book=book, title=title) | Renamed(book=book, title=title):
            shelf.titles[book] = title
        case Lent(book=book, reader=reader):
            shelf.lent[book] = reader
        case Stamped():
            pass
    return shelf


shelf = Decider("shelf", Shelf, decide, evolve)
house = Decider("house", Shelf, decide, evolve)


def lend_of(caused: Sequence[Recorded]) -> Command | None:
    event = caused[0].event
    return Lend(book=event.book, to=event.reader) if isinstance(event, Lent) else None


LENDING = {"Lend": lend_of}
SHELF = AggregateId("shelf", "one")


def record(journal: MemoryJournal) -> Run:
    """Write a history into the journal: it is played from acts of our own."""
    book, title = "a", "Emma"
    acts = [
        act(0, "ann", Add(book=book, title=title), seen=0),
        act(1, "ann", Rename(book=book, title="Emma!"), seen=1),
        act(2, "bob", Lend(book=book, to="bob"), seen=1),
        act(3, "bob", Rename(book=book, title="Emma?"), seen=1),  # a conflict; then he looks
        act(4, "cid", Stamp(book=book), seen=0),  # gives way
        act(5, "cid", Stamp(book=book), seen=4),
        act(6, "ann", Rename(book="zz", title="?"), seen=4),  # rejected
        act(7, "ann", Rename(book=book, title="Persuasion")),
    ]
    return RecordedScenario("shelves", [shelf], acts).play(journal=journal)


def act(minute: int, who: str, command: Command, seen: int | None = None) -> Act:
    return Act(SHELF, command, BEGIN + minute * MINUTE, minute + 1, who, f"{who}'s", seen)


@pytest.fixture
def journal() -> MemoryJournal:
    journal = Kept()
    record(journal)
    return journal


class Kept(MemoryJournal):
    """A journal in memory that stays open."""

    def close(self) -> None:
        pass


def told(run: Run) -> list[tuple[str, str, str]]:
    return [(one.person, one.command, one.outcome) for one in run.attempts]


# --- as it was ------------------------------------------------------------------------------------


def test_a_history_is_played_as_it_was(journal: MemoryJournal) -> None:
    run = recorded_scenario(journal, deciders=[shelf], commands=LENDING).play()
    assert told(run) == [
        ("ann", "Add", "applied"),
        ("ann", "Rename", "applied"),
        ("bob", "Lend", "merged"),
        ("bob", "Rename", "applied"),
        ("cid", "Stamp", "unchanged"),
        ("cid", "Stamp", "applied"),
        ("ann", "Rename", "applied"),
    ]


def test_the_same_events_come_about_at_the_same_times(journal: MemoryJournal) -> None:
    again = Kept()
    recorded_scenario(journal, deciders=[shelf], commands=LENDING).play(journal=again)
    assert events(again) == events(journal)
    assert len(events(journal)) == 6


async def reader(person: Person) -> None:
    for _ in range(4):
        await person.look(shelf, "one")
        await person.think(person.exponential(60))
        book = person.choose(("a", "b"))
        await person.do(person.choose((Add(book=book, title=person.name), Stamp(book=book))))


def test_a_scenario_in_real_time_is_played_again_from_its_journal(tmp_path: Path) -> None:
    people = Scenario("readers", deciders=[shelf], crowds=[Crowd(reader, 5)])
    run = people.play(seed=1, real_time=RealTime(folder=tmp_path / "db", speed=3_600))
    recorded = recorded_scenario(tmp_path / "db", deciders=[shelf])
    assert recorded.left_out == {}
    assert recorded.play().outcomes == run.outcomes
    assert sum(run.outcomes.values()) > 5


def test_a_decision_gets_the_recorded_id_and_metadata() -> None:
    journal = Kept()
    sealed = Decider("shelf", Shelf, needs_a_seal, evolve)
    with Domain(journal, deciders=[sealed]) as domain:
        ann = domain.session("ann").aggregate(sealed, "one")
        ann.do(Add(book="a", title="Emma"), 0, id="first", metadata={"seal": "red"})
    scenario = recorded_scenario(journal, deciders=[sealed])
    assert (scenario.acts[0].id, dict(scenario.acts[0].metadata)) == ("first", {"seal": "red"})
    assert scenario.play().outcomes == {"applied": 1}


def needs_a_seal(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    if (sent.id, sent.metadata.get("seal")) != ("first", "red"):
        raise Rejected("there is no red seal on the first")
    return decide(shelf, command, sent)


def test_another_seed_gives_the_same_outcomes(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    one, same, other = (scenario.play(seed) for seed in (1, 1, 2))
    assert one.trace == same.trace
    assert told(one) == told(other)


def test_a_command_that_gave_no_events_is_only_counted(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    assert scenario.left_out == {"it gave no events: refused, or nothing was left to do": 2}


@pytest.fixture
def whole() -> MemoryJournal:
    """A journal that keeps every command: two conflicts, a refusal, and one without effect."""
    journal = Kept()
    with Domain(journal, deciders=[shelf], keep_commands=True) as domain:
        ann, bob = (domain.session(who).aggregate(shelf, "one") for who in ("ann", "bob"))
        ann.do(Add(book="a", title="Emma"), 0)
        ann.do(Rename(book="a", title="Emma!"), 1)
        for seen in (1, 1, 2):  # bob is conflicted, tries the same once more, then looks
            with suppress(Refused):
                bob.do(Rename(book="a", title="Emma?"), seen)
        bob.do(Lend(book="a", to="bob"), 1)
        bob.do(Stamp(book="a"), 0)
        with suppress(Refused):
            ann.do(Rename(book="zz", title="?"), 3)
        ann.do(Rename(book="a", title="Emma?"))
    return journal


def test_of_a_journal_that_keeps_commands_nothing_is_left_out(whole: MemoryJournal) -> None:
    scenario = recorded_scenario(whole, deciders=[shelf])
    assert scenario.left_out == {}
    assert len(scenario.acts) == whole.figures().records == 9


def test_refused_commands_that_were_kept_are_refused_again(whole: MemoryJournal) -> None:
    again = Kept()
    run = recorded_scenario(whole, deciders=[shelf]).play(journal=again)
    assert [one.outcome for one in run.attempts] == [
        "applied", "applied", "conflicted", "conflicted", "applied", "merged", "unchanged",
        "rejected", "unchanged",
    ]  # fmt: skip
    assert events(again) == events(whole)


def test_a_recorded_refusal_is_played_by_other_rules(whole: MemoryJournal) -> None:
    hasty = with_rules(shelf, {Rename: overwrite})
    run = recorded_scenario(whole, deciders=[shelf]).play(deciders=[hasty])
    assert [one.outcome for one in run.attempts[2:5]] == ["rebased", "unchanged", "unchanged"]


def test_a_kind_of_command_that_is_kept_can_be_left_out(whole: MemoryJournal) -> None:
    scenario = recorded_scenario(whole, deciders=[shelf], commands={"Rename": None})
    assert [type(one.command).__name__ for one in scenario.acts] == ["Add", "Lend", "Stamp"]
    assert scenario.left_out == {"Rename: left out as `commands` says": 6}


def test_a_play_begins_with_the_first_recorded_command(journal: MemoryJournal) -> None:
    run = recorded_scenario(journal, deciders=[shelf], commands=LENDING).play()
    assert [one.sent for one in run.attempts[:3]] == [0.0, 60.0, 120.0]
    assert run.seconds == pytest.approx(420)
    assert (run.people, run.policy, run.failure) == (3, "own rules", None)


def test_a_recorded_view_is_as_old_as_the_first_change_that_it_lacks(
    journal: MemoryJournal,
) -> None:
    run = recorded_scenario(journal, deciders=[shelf], commands=LENDING).play()
    lending = run.attempts[2]  # in minute 2, without the change of minute 1
    assert (lending.seen, lending.unseen) == (1, 1)
    assert lending.age == pytest.approx(60)


def test_a_persons_own_changes_do_not_make_its_view_old() -> None:
    acts = [
        act(0, "ann", Add(book="a", title="Emma"), seen=0),
        act(1, "ann", Rename(book="a", title="Emma!"), seen=1),
        act(2, "bob", Lend(book="a", to="bob"), seen=2),
        act(5, "ann", Rename(book="a", title="Emma?"), seen=1),
    ]
    run = RecordedScenario("two", [shelf], acts).play()
    assert run.attempts[3].age == pytest.approx(180)  # since bob's


def test_the_first_hours_of_a_history_can_be_played(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    assert len(scenario.play(hours=2 / 60).attempts) == 3


def test_a_play_tells_how_far_it_is(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    told: list[tuple[float, int]] = []
    watched: list[Attempt] = []
    run = scenario.play(
        progress=lambda seconds, attempts: told.append((seconds, attempts)), watch=watched.append
    )
    assert told[:3] == [(0.0, 1), (60.0, 2), (120.0, 3)]
    assert tuple(watched) == run.attempts


# --- by other rules, and on older views -----------------------------------------------------------


def test_other_rules_decide_the_same_commands(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    stern = with_rules(shelf, {Stamp: reject})
    run = scenario.play(deciders=[stern], policy="stern")
    stamps = [one for one in run.attempts if one.command == "Stamp"]
    assert [one.outcome for one in stamps] == ["conflicted", "applied", "applied"]
    assert stamps[1].again == stamps[0].number
    assert run.policy == "stern"


def test_older_views_meet_more_conflicts() -> None:
    acts = [
        act(0, "ann", Add(book="a", title="Emma"), seen=0),
        act(1, "ann", Rename(book="a", title="Emma!"), seen=1),
        act(2, "bob", Rename(book="a", title="Emma?"), seen=2),
    ]
    two = RecordedScenario("two", [shelf], acts)
    older = two.aged(90)
    run = older.play()
    assert two.play().outcomes == {"applied": 3}
    assert run.outcomes == {"applied": 3, "conflicted": 1}
    assert run.attempts[2].seen == 1
    assert run.attempts[2].age == pytest.approx(90)
    assert older.name == "two, views 1 min 30 s old"


def test_a_view_is_never_older_than_its_persons_own_last_write(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    run = scenario.aged(3_600).play()
    rename = run.attempts[1]  # ann, one minute after she added the book
    assert (rename.seen, rename.unseen) == (1, 0)
    assert rename.age == pytest.approx(60)


def test_a_person_who_is_refused_looks_again_and_repeats() -> None:
    acts = [
        act(0, "ann", Add(book="a", title="Emma"), seen=0),
        act(1, "bob", Rename(book="a", title="Emma!"), seen=1),
        act(2, "ann", Rename(book="a", title="Emma?"), seen=1),
        act(3, "ann", Rename(book="a", title="Emma."), seen=3),
    ]
    run = RecordedScenario("two", [shelf], acts).play()
    assert told(run)[2:] == [
        ("ann", "Rename", "conflicted"),
        ("ann", "Rename", "applied"),
        ("ann", "Rename", "applied"),
    ]
    assert (run.attempts[3].again, run.attempts[4].seen) == (2, 3)


def test_a_seen_version_is_translated_when_another_rule_refuses_a_command() -> None:
    """Then the play has fewer versions than the recording."""
    never = Decider("shelf", Shelf, nobody_lends, evolve)
    acts = [
        act(0, "ann", Add(book="a", title="Emma"), seen=0),
        act(1, "bob", Lend(book="a", to="bob"), seen=1),
        act(2, "bob", Rename(book="a", title="Emma!"), seen=2),
        act(3, "ann", Rename(book="a", title="Emma?"), seen=3),
    ]
    run = RecordedScenario("two", [shelf], acts).play(deciders=[never])
    assert [(one.outcome, one.seen) for one in run.attempts] == [
        ("applied", 0), ("rejected", 1), ("applied", 1), ("applied", 2)
    ]  # fmt: skip


def nobody_lends(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    if isinstance(command, Lend):
        raise Rejected("we lend nothing")
    return decide(shelf, command, sent)


# --- commands from their events -------------------------------------------------------------------


def test_a_command_that_its_events_do_not_give_is_named(journal: MemoryJournal) -> None:
    with pytest.raises(Unplayable, match=r"Lend \(1, the first caused Lent in shelf/one at .*3\)"):
        recorded_scenario(journal, deciders=[shelf])


def test_a_kind_of_command_can_be_left_out(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands={"Lend": None})
    assert "Lend" not in {one.command for one in scenario.play().attempts}
    assert scenario.left_out["Lend: left out as `commands` says"] == 1


def test_a_name_that_no_command_has_is_refused(journal: MemoryJournal) -> None:
    with pytest.raises(Invalid, match=r"Lned, but neither .* they have Add, Lend, Rename, Stamp"):
        recorded_scenario(journal, deciders=[shelf], commands={"Lned": lend_of})


def test_a_command_is_not_made_of_events_that_it_would_not_give() -> None:
    """The journal says which title the book got; a decider of today would give another one."""
    journal = Kept()
    record(journal)
    loud = Decider("shelf", Shelf, shouting, evolve)
    with pytest.raises(Unplayable, match="Rename"):
        recorded_scenario(journal, deciders=[loud], commands=LENDING)


def shouting(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    for event in decide(shelf, command, sent):
        yield (
            event.model_copy(update={"title": event.title.upper()})
            if isinstance(event, Renamed)
            else event
        )


def test_the_first_of_several_events_has_the_commands_fields() -> None:
    journal = Kept()
    twice = Decider("shelf", Shelf, adding_a_copy, evolve)
    with Domain(journal, deciders=[twice]) as domain:
        domain.aggregate(twice, "one").do(Add(book="a", title="Emma"))
    scenario = recorded_scenario(journal, deciders=[twice])
    assert [one.command for one in scenario.acts] == [Add(book="a", title="Emma")]


def adding_a_copy(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    for event in decide(shelf, command, sent):
        yield event
        if isinstance(event, Added):
            yield Added(book=f"copy of {event.book}", title=event.title)


def test_a_dropped_command_is_kept_whole(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    assert [one.command for one in scenario.acts][4:6] == [Stamp(book="a")] * 2


# --- bad input ------------------------------------------------------------------------------------


def test_an_empty_journal_is_said() -> None:
    with pytest.raises(Invalid, match="has no events, so there is nothing to play"):
        recorded_scenario(MemoryJournal(), deciders=[shelf])


def test_a_journal_of_another_domain_is_said(journal: MemoryJournal) -> None:
    with pytest.raises(Invalid, match="no events of house; it has aggregates of the types shelf"):
        recorded_scenario(journal, deciders=[house])


def test_an_event_without_a_class_is_said_with_its_place(journal: MemoryJournal) -> None:
    shorter = Decider("shelf", Shelf, only_add, evolve_some)
    with pytest.raises(UnreadableEvent, match="version 3 of shelf/one"):
        recorded_scenario(journal, deciders=[shorter])


def only_add(shelf: Shelf, command: Add) -> Iterator[Added | Renamed]:
    yield Added(book=command.book, title=command.title)


def evolve_some(shelf: Shelf, event: Added | Renamed) -> Shelf:
    return evolve(shelf, event)


def test_where_there_is_no_journal_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotAJournal):
        recorded_scenario(tmp_path / "team.db", deciders=[shelf])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_is_said(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with Domain.open(path, deciders=[shelf]) as domain:
        record_some(domain)
    data = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(data.replace(b"Persuasion", b"persuasion"))
    with pytest.raises(JournalDamaged):
        recorded_scenario(path, deciders=[shelf])


def test_a_journal_on_the_disk_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with Domain.open(path, deciders=[shelf]) as domain:
        record_some(domain)
    before = {one.name: one.read_bytes() for one in path.iterdir() if one.name == "data.mdb"}
    scenario = recorded_scenario(path, deciders=[shelf])
    assert told(scenario.play()) == [("ann", "Add", "applied"), ("ann", "Rename", "applied")]
    assert scenario.name == "team.db"
    assert {one.name: one.read_bytes() for one in path.iterdir() if one.name in before} == before


def test_a_journal_that_another_process_writes_meanwhile_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with Domain.open(path, deciders=[shelf]) as domain:
        record_some(domain)
        script = (
            "import sys; from tests.simulation.test_recorded_scenario import *; "
            f"print(len(recorded_scenario({str(path)!r}, deciders=[shelf]).play().attempts))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.stdout == "2\n", done.stderr
        domain.aggregate(shelf, "one").do(Rename(book="a", title="Emma"))


def record_some(domain: Domain) -> None:
    ann = domain.session("ann").aggregate(shelf, "one")
    ann.do(Add(book="a", title="Emma"), 0)
    ann.do(Rename(book="a", title="Persuasion"), 1)


WRONG: list[tuple[Callable[[RecordedScenario], object], type[Exception], str]] = [
    (lambda one: one.play(hours=-1), WiringError, "hours"),
    (lambda one: one.play(people=500), Invalid, "a history has its own people, 1 here"),
    (lambda one: one.play(deciders=[house]), WiringError, "house"),
    (lambda one: one.aged(float("nan")), Invalid, "aged"),
]


@pytest.mark.parametrize(("play", "error", "text"), WRONG)
def test_a_wrong_argument_is_refused(
    play: Callable[[RecordedScenario], object], error: type[Exception], text: str
) -> None:
    scenario = RecordedScenario("one", [shelf], [act(0, "ann", Add(book="a", title="Emma"))])
    with pytest.raises(error, match=text):
        play(scenario)


def test_a_play_does_not_write_into_a_journal_that_has_events(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    with pytest.raises(Invalid, match="expected an empty journal"):
        scenario.play(journal=journal)


def test_a_history_without_acts_cannot_be_played() -> None:
    with pytest.raises(Invalid, match="no acts"):
        RecordedScenario("nothing", [shelf], []).play()


def test_an_act_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(WiringError, match="house/a, and no decider"):
        RecordedScenario("one", [shelf], [Act(AggregateId("house", "a"), Stamp(book="a"), 0, 1)])


def test_a_failure_of_domain_code_ends_nothing_and_is_told() -> None:
    broken = Decider("shelf", Shelf, breaking, evolve)
    acts = [
        act(0, "ann", Add(book="a", title="Emma"), seen=0),
        act(1, "ann", Lend(book="a", to="bob"), seen=1),
        act(2, "ann", Rename(book="a", title="Emma!"), seen=2),
    ]
    run = RecordedScenario("one", [shelf], acts).play(deciders=[broken])
    assert [one.outcome for one in run.attempts] == ["applied", "DeciderFailed", "applied"]
    assert run.failure is not None
    assert (run.failure.kind, run.failure.time) == ("DeciderFailed", 60.0)


def breaking(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    if isinstance(command, Lend):
        raise KeyError(command.book)
    return decide(shelf, command, sent)


def test_a_checked_play_finds_a_mistake_in_the_domain() -> None:
    careless = Decider("shelf", Shelf, changing, evolve)
    acts = [act(0, "ann", Add(book="a", title="Emma"), seen=0)]
    history = RecordedScenario("one", [careless], acts)
    assert history.play().failure is None
    failure = history.play(checked=True).failure
    assert failure is not None
    assert "decide" in failure.text


def changing(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    shelf.lent["a"] = "nobody"
    return decide(shelf, command, sent)


def test_policies_are_compared_on_a_recorded_history(journal: MemoryJournal) -> None:
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    policies: dict[str, Policy] = {"own rules": own_rules, "version column": whole_aggregate}
    own, column = compare(scenario, policies).costs
    assert (own.policy, own.asked, own.dropped) == ("own rules", 0, 1)
    assert (column.policy, column.asked, column.dropped) == ("version column", 2, 0)


def test_ctrl_c_leaves_a_run_of_what_was_played(journal: MemoryJournal) -> None:
    """Also in the middle of a decision, which the engine would take for a failure of `decide`."""
    slow = Decider("shelf", Shelf, interrupted_by_a_loan, evolve)
    scenario = recorded_scenario(journal, deciders=[shelf], commands=LENDING)
    run = scenario.play(deciders=[slow], at_end=lambda _: pytest.fail("it did not end"))
    assert run.interrupted
    assert run.failure is None
    assert [one.outcome for one in run.attempts] == ["applied", "applied", "merged"]


def interrupted_by_a_loan(shelf: Shelf, command: ShelfCommand, sent: Sent) -> Iterator[ShelfEvent]:
    if isinstance(command, Lend):
        signal.raise_signal(signal.SIGINT)
    return decide(shelf, command, sent)


# --- helpers --------------------------------------------------------------------------------------


def events(journal: MemoryJournal) -> list[tuple[int, str, object]]:
    return [
        (record.time, stored.name, stored.data)
        for record in journal.read_all()
        for stored in record.events
    ]
