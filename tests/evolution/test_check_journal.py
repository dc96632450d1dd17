"""A whole journal is read with today's classes: what they cannot read is counted and told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tests.evolution.shop import (
    ItemRow,
    Items,
    Named,
    Praised,
    Priced,
    Rename,
    Shop,
    Sold,
    decider,
    evolve,
    shop,
    trade,
)

from comity.actors import Domain
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine import (
    AggregateId,
    Command,
    Decider,
    Event,
    Fields,
    JournalDamaged,
    Key,
    NotAJournal,
    Recorded,
    Rejected,
    WiringError,
)
from comity.engine.history.note import fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_reader import LmdbReader
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.opener import LmdbOpener
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store
from comity.engine.merging.report import Outcome
from comity.engine.runtime.system import Flag
from comity.evolution import Audit, AuditProgress, KindRead, ModelPlan, ProblemPlace, check_journal
from comity.evolution.auditing import model_plans, states
from comity.evolution.auditing.problems import Problems
from comity.readmodels import ReadModel, Table
from comity.readmodels.generations.generations import new_projection
from comity.readmodels.generations.model_folder import ModelFolder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def kinds(found: Audit) -> dict[str, KindRead]:
    """The kinds of events by name."""
    return {kind.name: kind for kind in found.kinds}


def places(found: Audit) -> dict[str, list[tuple[str, int, int]]]:
    """Where each problem was met."""
    return {
        one.what: [(place.aggregate, place.version, place.position) for place in one.places]
        for one in found.problems
    }


def as_it_was() -> Fields:
    """An upcast that converts nothing."""
    return {}


# --- what is fine ---------------------------------------------------------------------------------


def test_a_journal_that_todays_classes_read_has_no_problems(path: Path) -> None:
    trade(path)
    found = check_journal(path, [shop])
    assert (found.is_fine, found.complete, found.broken) == (True, True, 0)
    assert (found.events, found.aggregates, found.position, found.records) == (15, 3, 15, 15)
    assert kinds(found)["Sold"] == KindRead("shop", "Sold", 1, 6, "Sold", (), 0)


def test_an_empty_journal_is_fine(path: Path) -> None:
    trade(path, shops=0)
    assert check_journal(path, [shop], models=[Items]).is_fine


def test_it_tells_how_each_kind_of_events_is_read(path: Path) -> None:
    trade(path)
    later = decider(Priced | Named, retired=["Praised"])
    found = kinds(check_journal(path, [later]))
    assert found["Sold"] == KindRead("shop", "Sold", 1, 6, "Priced", ("alias", "upcast"), 0)
    assert found["Named"].ways == ()
    assert found["Praised"] == KindRead("shop", "Praised", 1, 3, None, ("retired",), 0)


def test_an_older_program_leaves_out_the_fields_of_newer_events(path: Path) -> None:
    class Later(Event):
        stored_as = "Sold"
        schema_version = 2
        upcasts = {1: as_it_was}
        readable_from = 1
        item: Key[str]
        price: int
        note: str = ""

    append(path, Later(item="a", price=1, note="new"))
    found = check_journal(path, [shop])
    assert found.is_fine
    assert kinds(found)["Sold"].ways == ("left out",)


def test_it_leaves_out_fields_of_its_own_schema_version_too(path: Path) -> None:
    class Longer(Event):
        stored_as = "Sold"
        readable_from = 1
        item: Key[str]
        price: int
        note: str = ""

    trade(path)
    append(path, Longer(item="a", price=1, note="new"))
    found = check_journal(path, [shop])
    assert kinds(found)["Sold"] == KindRead("shop", "Sold", 1, 7, "Sold", ("left out",), 0)
    found = check_journal(path, [decider(Longer | Named | Praised)])
    assert kinds(found)["Sold"].ways == ()


def append(path: Path, *events: Event) -> None:
    """Write events as another version of the program would."""
    journal = LmdbOpener(path).open()
    aggregate, note = (
        AggregateId("shop", "s0"),
        fold("ann", "", None, "X", None, Outcome.APPLIED, {}),
    )
    version = journal.version(aggregate)
    entry = Entry(f"id{version}", tuple(map(store, events)), 1, note)
    journal.append([Turn.of(aggregate, version, (entry,))])
    journal.close()


# --- what cannot be read --------------------------------------------------------------------------


def test_events_without_a_class_are_counted_and_the_first_are_told(path: Path) -> None:
    trade(path, shops=4)
    found = check_journal(path, [decider(Sold | Named)])
    assert places(found) == {
        "shop Praised, schema version 1": [
            ("shop/s0", 5, 5),
            ("shop/s1", 5, 10),
            ("shop/s2", 5, 15),
        ]
    }
    (problem,) = found.problems
    assert (problem.trouble, problem.count) == ("event", 4)
    assert "no event class has that name" in problem.places[0].error
    assert (found.broken, kinds(found)["Praised"].unreadable) == (4, 4)
    assert not found.opens
    assert kinds(found)["Named"].events == 8


def test_it_goes_on_behind_an_event_that_cannot_be_read(path: Path) -> None:
    trade(path, shops=1)
    found = check_journal(path, [decider(Named)])
    assert places(found) == {
        "shop Sold, schema version 1": [("shop/s0", 1, 1), ("shop/s0", 3, 3)],
        "shop Praised, schema version 1": [("shop/s0", 5, 5)],
    }


def raises(price: int) -> Fields:
    """An upcast that fails on one price."""
    return {"cents": {0: 0, 1: "one"}[price]}


class Upcast(Event):
    stored_as = "Sold"
    schema_version = 2
    upcasts = {1: raises}
    item: Key[str]
    cents: int


def test_upcasts_that_raise_or_do_not_fit_are_told_with_the_event(path: Path) -> None:
    trade(path)
    found = check_journal(path, [decider(Upcast | Named | Praised)])
    assert places(found) == {
        "shop Sold, schema version 1": [("shop/s1", 1, 6), ("shop/s1", 3, 8), ("shop/s2", 1, 11)]
    }
    one, _, two = (place.error for place in found.problems[0].places)
    assert "cents" in one
    assert "Upcast.upcasts[1] (raises) raised KeyError: 2" in two
    assert kinds(found)["Sold"].unreadable == 4
    assert found.opens  # its name and schema version are known
    assert kinds(found)["Sold"].ways == ("upcast", "unreadable")


def test_an_event_of_a_newer_program_is_told(path: Path) -> None:
    class Later(Event):
        stored_as = "Sold"
        schema_version = 2
        upcasts = {1: as_it_was}
        item: Key[str]
        price: int

    append(path, Later(item="a", price=1))
    found = check_journal(path, [shop])
    assert "by a newer program" in found.problems[0].places[0].error
    assert places(found) == {"shop Sold, schema version 2": [("shop/s0", 1, 1)]}


def test_aggregate_types_without_a_decider_are_told_unless_they_are_named(path: Path) -> None:
    trade(path)
    other: Any = decider(Sold)
    other.name = "stall"
    found = check_journal(path, [other])
    assert [(one.trouble, one.what, one.count) for one in found.problems] == [
        ("type", "shop has no decider", 15)
    ]
    assert kinds(found)["Sold"].ways == ("unknown type",)
    assert check_journal(path, [other], without=["shop"]).is_fine


def test_the_first_places_of_the_journal_are_kept_in_whatever_order_they_are_met() -> None:
    problems = Problems()
    for position in (7, 3, 9, 1, 5):
        problems.add("state", "x", ProblemPlace("shop/s0", position, position, "no"))
    (found,) = problems.found()
    assert [place.position for place in found.places] == [1, 3, 5]
    assert found.count == 5


def test_what_comes_before_damage_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trade(path)
    read_every = LmdbReader.read_every

    def damaged(self: LmdbReader, after: int = 0) -> Iterator[Numbered]:
        yield from islice(read_every(self, after), 7)
        raise JournalDamaged("commit 8 is not as it was written")

    monkeypatch.setattr(LmdbReader, "read_every", damaged)
    found = check_journal(path, [decider(Sold | Named)])
    assert [(one.trouble, one.what) for one in found.problems] == [
        ("journal", "the journal cannot be read after 7 events"),
        ("event", "shop Praised, schema version 1"),
    ]
    assert (found.complete, found.events) == (False, 7)


# --- commands ---------------------------------------------------------------------------------


class Renumber(Command):
    """`Rename` with another type of field, and without an upcast."""

    stored_as = "Rename"
    item: Key[str]
    name: int


def renumbering() -> Decider[Shop, Renumber, Sold | Named | Praised]:
    def decide(shop: Shop, command: Renumber) -> Iterator[Sold | Named | Praised]:
        yield Named(item=command.item, name=f"{command.name}")

    return Decider("shop", Shop, decide, evolve)


def test_kept_commands_whose_class_is_gone_are_counted_and_are_no_problem(path: Path) -> None:
    trade(path, keep_commands=True, shops=2)
    found = check_journal(path, [decider(Sold | Named | Praised)])
    assert [(one.name, one.commands, one.read_as, one.unreadable) for one in found.commands] == [
        ("Praise", 2, None, 0),
        ("Rename", 4, None, 0),
        ("Sell", 4, "Sell", 0),
    ]
    assert found.is_fine


def test_kept_commands_that_their_class_cannot_read_are_told(path: Path) -> None:
    trade(path, keep_commands=True, shops=2)
    found = check_journal(path, [renumbering()])
    assert {one.name: one.unreadable for one in found.commands if one.read_as} == {"Rename": 4}
    assert [(one.trouble, one.count) for one in found.problems] == [("command", 4)]
    assert found.problems[0].what == "shop Rename, schema version 1"
    assert found.broken == 0


def test_a_kept_command_is_not_read_as_a_class_that_has_its_old_name_by_chance(path: Path) -> None:
    class Other(Command):
        stored_as = "Relabel"
        item: Key[str]
        name: str

    Other.__name__ = "Rename"  # as a class that was made after the first `Rename` was removed

    def decide(shop: Shop, command: Other) -> Iterator[Sold | Named | Praised]:
        yield Named(item=command.item, name=command.name)

    decide.__annotations__["command"] = Other  # it is local: its name says nothing
    trade(path, keep_commands=True, shops=1)
    found = check_journal(path, [Decider("shop", Shop, decide, evolve)])
    assert {one.name: one.read_as for one in found.commands}["Rename"] is None


def number_of(name: str) -> Fields:
    return {"name": len(name)}


class NewRenumber(Renumber):
    """A newer program's command, before it is rolled back."""

    stored_as = "Rename"
    schema_version = 2
    upcasts = {1: number_of}


def renumbering_anew() -> Decider[Shop, NewRenumber, Sold | Named | Praised]:
    def decide(shop: Shop, command: NewRenumber) -> Iterator[Sold | Named | Praised]:
        yield Named(item=command.item, name=f"{command.name}")

    return Decider("shop", Shop, decide, evolve)


def test_kept_commands_of_a_newer_program_are_counted_and_are_no_problem(path: Path) -> None:
    newer = renumbering_anew()
    with Domain.open(path, deciders=[newer], keep_commands=True) as domain:
        domain.aggregate(newer, "s0").send(NewRenumber(item="tea", name=5)).result(20)
    found = check_journal(path, [shop])  # after a rollback
    assert [(one.name, one.schema, one.unreadable) for one in found.commands] == [("Rename", 2, 1)]
    assert found.is_fine
    assert check_journal(path, [newer]).commands[0].unreadable == 0


def test_refused_commands_are_read_too(path: Path) -> None:
    with (
        Domain.open(path, deciders=[shop], keep_commands=True) as domain,
        pytest.raises(Rejected),
    ):
        domain.aggregate(shop, "s0").send(Rename(item="no", name="x")).result(20)
    found = check_journal(path, [renumbering()])
    assert [(one.name, one.unreadable) for one in found.commands] == [("Rename", 1)]
    assert places(found) == {"shop Rename, schema version 1": [("shop/s0", 0, 0)]}


# --- states ---------------------------------------------------------------------------------------


def dear(shop: Shop, event: Event) -> None:
    """An `evolve` that cannot take a price of 1."""
    if isinstance(event, Sold):
        shop.prices[event.item] = {0: 0, 2: 2}[event.price]


def tired(shop: Shop, event: Event) -> None:
    """An `evolve` that cannot take praise for the third time."""
    if isinstance(event, Praised):
        times = shop.prices["praise"] = shop.prices.get("praise", 0) + 1
        if times == 3:
            raise ValueError("enough")


FAILING = decider(Sold | Named | Praised, dear)


def check_failing_states(found: Audit) -> None:
    """The states that `dear` cannot make are told, and no others."""
    assert places(found) == {"shop: evolve raised KeyError on Sold": [("shop/s1", 1, 6)]}
    assert (found.broken, found.aggregates, found.problems[0].count) == (1, 3, 1)
    assert found.problems[0].places[0].error == "KeyError: 1"
    assert kinds(found)["Sold"].unreadable == 0


def test_a_state_that_evolve_cannot_make_is_told_with_its_event(path: Path) -> None:
    trade(path)
    check_failing_states(check_journal(path, [FAILING]))


def leaving(shop: Shop, event: Event) -> None:
    """An `evolve` that ends the program, as if all were well."""
    raise SystemExit(0)


def test_a_program_that_evolve_would_end_is_told(path: Path) -> None:
    trade(path)
    found = check_journal(path, [decider(Sold | Named | Praised, leaving)])
    assert (found.is_fine, found.broken) == (False, 3)


def test_states_that_do_not_fit_into_memory_are_folded_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):  # so that the shops' events alternate
        trade(path)
    whole = check_journal(path, [shop])
    monkeypatch.setattr(states, "MOST", 7)
    stages: set[str] = set()
    monkeypatch.setattr("comity.evolution.auditing.progress._OFTEN", -1.0)
    bounded = check_journal(path, [shop], progress=lambda told: stages.add(told.stage))
    assert "folding again" in stages
    assert (bounded.broken, bounded.aggregates, bounded.problems) == (0, 3, ())
    assert bounded.kinds == whole.kinds
    found = check_journal(path, [decider(Sold | Named | Praised, tired)])
    assert places(found) == {
        "shop: evolve raised ValueError on Praised": [
            ("shop/s0", 15, 35),
            ("shop/s1", 15, 40),
            ("shop/s2", 15, 45),
        ]
    }
    assert found.broken == 3


def test_a_snapshot_does_not_hide_a_broken_event(path: Path) -> None:
    trade(path, snapshots=True)
    same_states: Any = decider(Sold | Named | Praised, dear)
    same_states.states.schema = shop.states.schema
    found = check_journal(path, [same_states])
    assert found.snapshots == 3
    check_failing_states(found)


def test_snapshots_of_another_evolve_are_counted_as_unused(path: Path) -> None:
    trade(path, snapshots=True)
    assert check_journal(path, [shop]).unused == 0
    found = check_journal(path, [decider(Sold | Named | Praised)])
    assert (found.snapshots, found.unused, found.problems) == (3, 3, ())


def test_a_snapshot_that_differs_from_its_events_asks_for_another_revision(path: Path) -> None:
    trade(path, snapshots=True, shops=1)
    journal = LmdbOpener(path).open()
    aggregate = AggregateId("shop", "s0")
    wrong = shop.states.pack(Shop({"a": 99}))
    assert wrong is not None
    journal.append([], [Snapshot(aggregate, 5, shop.states.schema, wrong)])
    journal.close()
    found = check_journal(path, [shop])
    assert [(one.trouble, one.what) for one in found.problems] == [("snapshot", "shop")]
    assert places(found) == {"shop": [("shop/s0", 5, 5)]}
    assert "increase the decider's revision" in found.problems[0].advice


# --- models ---------------------------------------------------------------------------------------


class OtherItems(ReadModel[Sold]):
    """The same columns by another key."""

    stored_as = "Items"
    map_size = 1 << 26
    rows = Table(ItemRow, key=lambda row: (row.item, row.shop))

    def project(self, event: Sold, at: Recorded) -> None:
        if event.price == 2:
            raise KeyError(event.item)


class LongRow(ItemRow):
    stars: int = 0


class LongItems(ReadModel[Sold]):
    stored_as = "Items"
    map_size = 1 << 26
    rows = Table(LongRow, key=lambda row: (row.shop, row.item), gained=["stars"])

    def project(self, event: Sold, at: Recorded) -> None:
        self.rows.put(LongRow(shop=at.aggregate.key, item=event.item, price=event.price))


class CodedItems(Items):
    """The same columns, and other code."""

    stored_as = "Items"

    def project(self, event: Sold, at: Recorded) -> None:
        self.rows.put(ItemRow(shop=at.aggregate.key, item=event.item, price=event.price + 1))


def test_it_tells_what_happens_to_each_model(path: Path) -> None:
    trade(path, models=True)

    def plan(model: type[ReadModel[Any]]) -> ModelPlan:
        (found,) = check_journal(path, [shop], models=[model]).models
        return found

    assert plan(Items) == ModelPlan("Items", "stays", "", None, 0)
    gone_on = plan(LongItems)
    assert (gone_on.fate, gone_on.why) == ("goes on", "its rows have gained rows.stars")
    coded = plan(CodedItems)
    assert (coded.fate, coded.why) == ("is rebuilt", "the code of its methods has changed")
    assert coded.sample == 15
    assert coded.seconds is not None
    assert coded.seconds > 0
    assert plan(Items).fate == "stays"  # nothing was changed


def in_words(price: int) -> Fields:
    return {"price": f"{price} cents"}


class SoldInWords(Event):
    stored_as = "Sold"
    schema_version = 2
    upcasts = {1: in_words}
    item: Key[str]
    price: str


class UnchangedItems(ReadModel[SoldInWords]):
    """The code of `Items`, which no longer fits the events."""

    stored_as = "Items"
    map_size = 1 << 26
    rows = Table(ItemRow, key=lambda row: (row.shop, row.item))

    def project(self, event: SoldInWords, at: Recorded) -> None:
        self.rows.put(ItemRow(shop=at.aggregate.key, item=event.item, price=event.price))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_a_model_that_stays_is_tried_with_the_events_that_an_upcast_changes(path: Path) -> None:
    trade(path, models=True)
    today = decider(SoldInWords | Named | Praised)
    found = check_journal(path, [today], models=[UnchangedItems])
    assert found.models == (ModelPlan("Items", "stays", "", None, 0),)
    (problem,) = found.problems
    assert problem.trouble == "model"
    assert "price" in problem.places[0].error


def test_a_model_that_has_stopped_says_where(path: Path) -> None:
    trade(path)
    folder = ModelFolder(path / "models" / "Items")
    folder.path.parent.mkdir()
    folder.make()
    begun = new_projection(Items, folder)
    begun.stop(None, ValueError("no idea"), 0)
    folder.swap(begun.environment.path)
    begun.environment.close()
    (found,) = check_journal(path, [shop], models=[Items]).models
    assert (found.fate, found.why) == ("stays", "stopped after position 0: ValueError: no idea")


def test_a_model_that_was_never_complete_is_rebuilt(path: Path) -> None:
    trade(path)
    folder = ModelFolder(path / "models" / "Items")
    folder.path.parent.mkdir()
    folder.make()
    begun = new_projection(Items, folder)
    folder.swap(begun.environment.path)
    begun.environment.close()
    (found,) = check_journal(path, [shop], models=[LongItems]).models
    assert (found.fate, found.why) == ("is rebuilt", "it was never complete")


def test_a_model_that_cannot_be_read_is_rebuilt(path: Path) -> None:
    trade(path, models=True)
    (path / "models" / "Items" / "g000001" / "data.mdb").write_bytes(b"nothing of ours")
    (found,) = check_journal(path, [shop], models=[Items]).models
    assert found.fate == "is rebuilt"
    assert "its domain rebuilds it" in found.why


def test_a_model_that_was_never_built_is_built(path: Path) -> None:
    trade(path)
    found = check_journal(path, [shop], models=[Items])
    assert [(one.fate, one.sample) for one in found.models] == [("is built", 15)]
    assert not (path / "models").exists()


def test_a_model_that_cannot_be_built_is_a_problem(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelFollower, "REST", (0.0, 0.0))
    trade(path, models=True)
    found = check_journal(path, [shop], models=[OtherItems])
    assert [(one.fate, one.why) for one in found.models] == [
        ("is rebuilt", "the key of rows has changed")
    ]
    (problem,) = found.problems
    assert (problem.trouble, problem.what) == ("model", "Items: it cannot be built")
    assert "stopped at position 11, Sold of shop/s2" in problem.places[0].error


def test_building_is_reckoned_from_a_part_of_the_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(path)
    trial = 3, 2.0  # three events in two seconds
    monkeypatch.setattr(model_plans, "_built_on_trial", Mock(return_value=trial))
    found = check_journal(path, [shop], models=[Items])
    assert found.models[0] == ModelPlan("Items", "is built", "it is not built yet", 10.0, 3)


# --- stopping, and wrong arguments ----------------------------------------------------------------


def test_a_stopped_check_tells_what_it_has_seen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(path, models=True)
    monkeypatch.setattr("comity.evolution.auditing.scan._OFTEN", 7)
    monkeypatch.setattr("comity.evolution.auditing.progress._OFTEN", -1.0)
    stop, told = Flag(), list[AuditProgress]()

    def progress(now: AuditProgress) -> None:
        told.append(now)
        stop.set()

    found = check_journal(path, [decider(Named)], models=[], progress=progress, stop=stop.is_set)
    assert (found.complete, found.events, found.records) == (False, 7, 7)
    assert found.problems
    assert str(told[0]).startswith("7 of 15 events (46%), ")
    assert [one.stage for one in told] == ["reading"]


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no deciders": ({"deciders": []}, WiringError, "expected those of the new program"),
    "something else": ({"deciders": [Shop]}, WiringError, "deciders is a list of Decider"),
    "the same decider twice": ({"deciders": [shop, shop]}, WiringError, "two deciders are called"),
    "no model": ({"models": [Shop]}, WiringError, "inherit from ReadModel"),
    "a model of other events": (
        {"models": [Items], "deciders": [decider(Named)]},
        WiringError,
        "Items listens to Sold, and no decider",
    ),
    "without a text": ({"without": "shop"}, WiringError, "expected a list"),
    "without no texts": ({"without": [3]}, WiringError, "expected names of aggregate types"),
    "no journal": ({"path": "/nonexistent/shop.db"}, NotAJournal, "nonexistent"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_arguments_are_told(path: Path, mistake: str) -> None:
    trade(path, shops=0)
    changed, error, said = WRONG[mistake]
    arguments: dict[str, Any] = {"path": path, "deciders": [shop]} | changed
    with pytest.raises(error, match=said):
        check_journal(**arguments)


def test_it_writes_nothing(path: Path) -> None:
    trade(path, models=True)
    before = sorted((each.name, each.stat().st_size) for each in path.rglob("*"))
    check_journal(
        path,
        [shop],
        models=[
            LongItems,
        ],
    )
    assert sorted((each.name, each.stat().st_size) for each in path.rglob("*")) == before
