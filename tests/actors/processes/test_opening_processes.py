"""Opening a domain with processes: where they begin, what they go on from, and what is refused."""

from __future__ import annotations

import copy
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests.actors.processes.travel import (
    DECIDERS,
    MISCHIEF,
    Ask,
    Asked,
    Said,
    Trip,
    hear,
    key,
    react,
    trip,
    vessels,
    wish,
    wishes,
)
from tests.actors.shelf import until

from comity.actors import Domain, Policy, ReadModels
from comity.actors.processes import errands
from comity.actors.processes.agenda import agenda_named
from comity.actors.processes.process_status import AgendaFigures
from comity.actors.processes.runner import Runner
from comity.engine import (
    Answered,
    Decider,
    Event,
    Forked,
    Heard,
    Order,
    Process,
    Rang,
    Recorded,
    WiringError,
)
from comity.engine.history.note import Note
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.processes.events import ProcessEnded
from comity.engine.processes.wiring import Start
from comity.readmodels import ReadModel, Row, Table

if TYPE_CHECKING:
    from comity.actors.processes.agenda_rows import InstanceState


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MISCHIEF.clear()


def trip_from(start: Start) -> Process[Trip, Asked | Said]:
    return Process("trip", Trip, key, hear, react, starts=[Asked], orders=[vessels], start=start)


def ended(domain: Domain, process: Process[Trip, Asked | Said] = trip) -> Sequence[str]:
    return [one.key for one in domain.process(process).instances("ended").rows]


def all_done(domain: Domain) -> Callable[[], bool]:
    """Whether the process has done all that is in the journal."""

    def done() -> bool:
        status = domain.processes()[0]
        waits = status.unheard + status.orders + status.lag_events
        return status.state == "following" and not waits

    return done


def test_a_process_goes_on_from_the_journal_alone(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        domain.process(trip).pause()
        wish(domain, "rome", "LH1", "Hilton")
    shutil.rmtree(tmp_path / "d" / "models")
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        assert until(lambda: ended(domain) == ["rome"])
        assert domain.aggregate(vessels, "LH1").look().state.trips == ["rome"]


@pytest.mark.parametrize(
    ("start", "heard"),
    [("now", ["new"]), ("beginning", ["new", "old", "older"]), (1, ["new", "old"])],
)
def test_it_begins_where_it_says(tmp_path: Path, start: Start, heard: list[str]) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS) as domain:
        wish(domain, "older", "LH1")
        wish(domain, "old", "LH2")
    process = trip_from(start)
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[process]) as domain:
        wish(domain, "new", "LH3")
        assert until(lambda: sorted(ended(domain, process)) == heard)


def test_where_it_begins_is_said_once_and_kept(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS) as domain:
        wish(domain, "old", "LH1")
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]):
        pass
    process = trip_from("beginning")
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[process]) as domain:
        wish(domain, "new", "LH3")
        assert until(lambda: ended(domain, process) == ["new"])
        assert until(all_done(domain))
        assert ended(domain, process) == ["new"]


def test_with_another_key_no_instance_waits_for_what_it_cannot_hear(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        domain.process(trip).pause()
        wish(domain, "rome")
        wish(domain, "rome", word="remind")
        MISCHIEF["react rome"] = failing_after(1)  # it begins, and cannot hear the second event
        domain.process(trip).resume()
        assert until(lambda: bool(domain.process(trip).stuck()))
    MISCHIEF.clear()

    def other_key(event: Asked | Said, heard: Heard) -> str | None:
        return f"to {heard.aggregate.key}"

    process = Process("trip", Trip, other_key, hear, react, starts=[Asked], orders=[vessels])
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[process]) as domain:
        wish(domain, "oslo", "LH1")
        assert until(lambda: ended(domain, process) == ["to oslo"])
        assert until(all_done(domain))
        assert domain.process(process).stuck() == []


def test_a_key_that_was_rewritten_lets_nothing_be_heard_again(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])

    def other_key(event: Asked | Said, heard: Heard) -> str | None:
        return f"trip to {heard.aggregate.key}"

    other = Process("trip", Trip, other_key, hear, react, starts=[Asked], orders=[vessels])
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[other]) as domain:
        wish(domain, "oslo", "LH1")
        assert until(lambda: ended(domain, other) == ["rome", "trip to oslo"])
        assert domain.aggregate(vessels, "LH1").look().state.trips == ["rome", "trip to oslo"]
        keys = [one.key for one in domain.process(other).instances().rows]
        assert keys == ["rome", "trip to oslo"]


def test_a_domain_without_the_process_and_other_processes_pass_its_steps_over(
    tmp_path: Path,
) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])
    other = Process("other", Trip, key, hear, react, starts=[Asked], orders=[vessels])
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[other]) as domain:
        wish(domain, "oslo", "LH1")
        assert until(lambda: ended(domain, other) == ["oslo"])
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip, other]) as domain:
        assert until(lambda: sorted(ended(domain)) == ["oslo", "rome"])


class Kept:
    """A listener that keeps what it received."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        self.names += [one.event.stored_as for one in batch]


class EndRow(Row):
    trip: str
    reason: str


class Ends(ReadModel[ProcessEnded]):
    rows = Table(EndRow, key=lambda row: row.trip)

    def project(self, event: ProcessEnded, at: Recorded[ProcessEnded]) -> None:
        self.rows.put(EndRow(trip=at.aggregate.key, reason=event.reason))


def test_listeners_hear_orders_take_effect_and_models_may_hear_of_steps(tmp_path: Path) -> None:
    kept = Kept()
    with Domain.open(
        tmp_path / "d", deciders=DECIDERS, processes=[trip], read_models=[Ends]
    ) as domain:
        domain.listen(kept)
        wish(domain, "rome", "LH1")
        assert until(lambda: kept.names == ["Asked", "Reserved"])
        assert until(lambda: ended(domain) == ["rome"])
        with domain.read(Ends, after=domain.statistics().position, timeout=60) as ends:
            assert ends.rows["rome"].reason == "booked"
        assert kept.names == ["Asked", "Reserved"]


def test_checked_mode_watches_a_process(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip], checked=True) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])


def test_a_react_that_hangs_holds_up_its_own_thread_only(tmp_path: Path) -> None:
    goes_on = threading.Event()
    MISCHIEF["react rome"] = lambda: goes_on.wait(60)
    with Domain.open(
        tmp_path / "d", deciders=DECIDERS, processes=[trip], policy=Policy(threads=2)
    ) as domain:
        wish(domain, "rome", "LH1")
        wish(domain, "oslo", "LH1")
        assert until(lambda: ended(domain) == ["oslo"])
        goes_on.set()
        assert until(lambda: sorted(ended(domain)) == ["oslo", "rome"])


# --- wiring ---------------------------------------------------------------------------------------


def other_key(event: Asked | Said) -> str | None:
    return "one"


namesake = Decider("trip", int, wishes.decide, wishes.evolve)
orders_nothing = Process("trip", Trip, other_key, hear, react, starts=[Asked])


class Taken(ReadModel[Asked]):
    stored_as = "process-trip"
    rows = Table(EndRow, key=lambda row: row.trip)

    def project(self, event: Asked, at: Recorded[Asked]) -> None: ...


@pytest.mark.parametrize(
    ("deciders", "processes", "models", "says"),
    [
        (DECIDERS, [trip, trip], [], "two processes are called 'trip'"),
        (DECIDERS, [vessels], [], r"processes is a list of Process"),
        ([*DECIDERS, namesake], [trip], [], "a decider and a process are both called 'trip'"),
        ([wishes], [trip], [], "orders Decider.'vessel'., which this domain was opened without"),
        ([vessels], [orders_nothing], [], "hears Asked, Said, and no decider of this domain"),
        (DECIDERS, [trip_from(7)], [], "the journal ends at position 0, before 7"),
        (DECIDERS, [trip], [Taken], "the folder of the process 'trip'"),
    ],
)
def test_a_mistake_in_the_wiring_is_named_when_the_domain_opens(
    tmp_path: Path,
    deciders: list[Decider[object, Ask, Asked]],
    processes: list[Process[Trip, Asked]],
    models: list[type[ReadModel[Asked]]],
    says: str,
) -> None:
    with pytest.raises(WiringError, match=says):
        Domain.open(tmp_path / "d", deciders=deciders, processes=processes, read_models=models)
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        wish(domain, "rome")  # nothing was left open


def test_a_journal_in_memory_needs_a_folder_for_the_agendas(tmp_path: Path) -> None:
    with pytest.raises(WiringError, match="pass models="):
        Domain(MemoryJournal(), deciders=DECIDERS, processes=[trip])
    with Domain(MemoryJournal(), deciders=DECIDERS, processes=[trip], models=tmp_path) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])


def test_the_handle_of_another_process_is_refused(tmp_path: Path) -> None:
    with (
        Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain,
        pytest.raises(WiringError, match="is not among the processes of this domain"),
    ):
        domain.process(orders_nothing)


def test_another_process_of_the_same_name_is_refused_with_words(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        with pytest.raises(WiringError, match="another one of this name: pass the object"):
            domain.process(copy.copy(trip))
        with pytest.raises(WiringError, match="state: expected new, running, ended or None"):
            domain.process(trip).instances(cast("InstanceState", "foo"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_is_told_and_its_parent_goes_on(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        child = os.fork()
        if child == 0:
            try:
                domain.processes()
            except Forked:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])


# --- what took effect before a crash --------------------------------------------------------------


def test_an_order_whose_id_the_journal_has_forgotten_is_not_carried_out_again(
    tmp_path: Path,
) -> None:
    def open_domain() -> Domain:
        journal = LmdbJournal.open(tmp_path / "d", keep_ids=10)
        return Domain(journal, deciders=DECIDERS, processes=[trip], models=tmp_path / "models")

    with open_domain() as domain:
        MISCHIEF["react rome"] = failing_after(1)  # it orders, and cannot take the answer
        wish(domain, "rome", "LH1")
        assert until(lambda: bool(domain.process(trip).stuck()))
        for number in range(100):
            wish(domain, "nobody", word=f"{number}")
        wish(domain, "oslo", "LH1")
        assert until(lambda: ended(domain) == ["oslo"])
    MISCHIEF.clear()
    with open_domain() as domain:
        assert until(lambda: sorted(ended(domain)) == ["oslo", "rome"])
        assert domain.aggregate(vessels, "LH1").look().state.trips == ["rome", "oslo"]


def test_a_forgotten_errand_does_not_carry_its_order_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "MOST_RESTING", 0)
    monkeypatch.setattr(Runner, "FORGOTTEN", 0.05)
    journal, models = LmdbJournal.open(tmp_path / "d", keep_ids=10), tmp_path / "models"
    policy = Policy(failures=10_000)
    with Domain(
        journal, deciders=DECIDERS, processes=[trip], models=models, policy=policy
    ) as domain:
        MISCHIEF["react rome"] = failing_after(1)  # it orders, and cannot take the answer
        wish(domain, "rome", "LH1")
        assert until(lambda: domain.aggregate(vessels, "LH1").look().state.trips == ["rome"])
        for number in range(100):
            wish(domain, "nobody", word=f"{number}")
        MISCHIEF.clear()
        assert until(lambda: ended(domain) == ["rome"])
        assert domain.aggregate(vessels, "LH1").look().state.trips == ["rome"]


def failing_after(times: int) -> Callable[[], None]:
    calls = iter(range(times))

    def fail() -> None:
        if next(calls, None) is None:
            raise ValueError

    return fail


def test_closing_in_the_middle_of_everything_loses_nothing(tmp_path: Path) -> None:
    names = [f"trip {number}" for number in range(20)]
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        for name in names:
            wish(domain, name, f"LH {name}", f"Hilton {name}")
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        assert until(lambda: sorted(ended(domain)) == sorted(names))
        for name in names:
            assert domain.aggregate(vessels, f"LH {name}").look().state.trips == [name]


def only_asked(asked: int, command: Ask) -> Iterator[Asked]:
    yield Asked(word=command.word, places=command.places)


def count_asked(asked: int, event: Asked) -> int:
    return asked + 1


def test_a_process_stops_before_an_event_that_it_cannot_read(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        domain.process(trip).pause()
        wish(domain, "rome", "LH1")
        wish(domain, "rome", word="hurry")

    def key_of(event: Asked, heard: Heard) -> str | None:
        return heard.aggregate.key

    def keep(state: Trip, thing: Asked | Answered | Rang) -> Trip:
        return state

    def nothing(state: Trip, thing: Asked | Answered | Rang) -> Iterator[Order]:
        return iter(())

    poor = Decider("wish", int, only_asked, count_asked)
    process = Process("other", Trip, key_of, keep, nothing, starts=[Asked], start="beginning")
    with Domain.open(
        tmp_path / "d", deciders=[vessels, poor], processes=[process], allow_unreadable=True
    ) as domain:
        assert until(lambda: domain.processes()[0].state == "stopped")
        assert "Said" in domain.processes()[0].error


def test_steps_are_not_kept_as_commands_and_orders_are(tmp_path: Path) -> None:
    with Domain.open(
        tmp_path / "d", deciders=DECIDERS, processes=[trip], keep_commands=True
    ) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])
    journal = LmdbJournal.open(tmp_path / "d", read_only=True)
    kept = {
        record.aggregate.type for _, record in journal.read_every()
        if Note.unpack(record.note).kept is not None
    }  # fmt: skip
    journal.close()
    assert kept == {"wish", "vessel"}


def test_a_program_without_the_process_reads_its_agenda(tmp_path: Path) -> None:
    agenda = agenda_named("trip")
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[trip]) as domain:
        wish(domain, "rome")
        assert until(lambda: domain.processes()[0].running == 1)
    with ReadModels.open(tmp_path / "d", [agenda]) as models, models.read(agenda) as rows:
        assert AgendaFigures.of(rows, 0).running == 1


@pytest.mark.parametrize("name", ["*", "", "t" * 201])
def test_an_event_with_a_key_that_no_instance_can_have_stops_nobody(
    name: str, tmp_path: Path
) -> None:
    def key_as_typed(event: Asked | Said, heard: Heard) -> str | None:
        return name if heard.aggregate.key == "typed" else key(event, heard)

    process = Process("trip", Trip, key_as_typed, hear, react, starts=[Asked], orders=[vessels])
    with Domain.open(tmp_path / "d", deciders=DECIDERS, processes=[process]) as domain:
        wish(domain, "typed")
        wish(domain, "t1", "LH1")
        assert until(lambda: ended(domain, process) == ["t1"])
        assert domain.process(process).status().state == "following"
