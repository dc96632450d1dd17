"""Events that nobody knows: who could have wanted one stops there, and is given all before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from tests.actors.notebook import Write, notebook
from tests.actors.shelf import Counts, Pages, until, write
from tests.support.strange import happen

from comity.actors import Domain
from comity.actors.following.follower import Follower
from comity.actors.projecting.build import Build
from comity.engine import (
    Command,
    Decider,
    Event,
    Fields,
    Key,
    ReadModelError,
    Recorded,
    UnreadableEvent,
)
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal

UNKNOWN = r"the journal holds a Rewritten, .* \(version 3 of notebook/a, position 4\)"


class Collector:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Take the batch."""
        self.positions += [at.position for at in batch]


@pytest.fixture(autouse=True)
def _fast_and_quiet(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(Follower, "REST", (0.001, 0.004))
    caplog.set_level("CRITICAL", logger="comity")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal in which the third event of a notebook is one that nobody knows any more."""
    path = tmp_path / "d"
    journal = LmdbJournal.open(path, unsafe_no_fsync=True)
    happen(journal, "notebook/a", "Written")
    happen(journal, "notebook/b", "Written")
    happen(journal, "notebook/a", "Written", "Rewritten", "Written")
    happen(journal, "notebook/b", "Written")
    journal.close()
    return path


@pytest.fixture
def domain(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], allow_unreadable=True) as opened:
        yield opened


pytestmark = pytest.mark.filterwarnings("ignore:unsafe_no_fsync")


def test_a_model_stops_before_it_and_says_where_it_is(path: Path) -> None:
    with Domain.open(
        path, deciders=[notebook], read_models=[Pages, Counts], allow_unreadable=True
    ) as domain:
        for model in (Pages, Counts):
            status = domain.model(model).status
            assert until(lambda status=status: status().state == "stopped")  # type: ignore[misc]
            assert status().position == 3
            assert "holds a Rewritten" in status().error
            assert "(version 3 of notebook/a, position 4)" in status().error
        write(domain, "c", "p", "others go on")


def test_a_build_outside_of_the_domain_stops_before_it(path: Path) -> None:
    with (
        Build.open(path, Pages, deciders=[notebook]) as build,
        pytest.raises(ReadModelError, match=f"Pages stopped after position 3: .*{UNKNOWN}"),
    ):
        build.go_on()


def test_a_listener_is_given_what_stands_before_it_and_goes_on_when_it_can_be_read(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    subscription = domain.listen(collector)
    assert until(lambda: isinstance(subscription.error, UnreadableEvent))
    assert (collector.positions, subscription.position) == ([1, 2, 3], 3)
    with monkeypatch.context() as patch:
        types = notebook._types  # pyright: ignore[reportPrivateUsage]
        known = types._by_name  # pyright: ignore[reportPrivateUsage]
        patch.setattr(types, "_by_name", {**known, "Rewritten": known["Written"]})
        patch.setattr(types, "_reading", {})
        assert until(lambda: subscription.position == 6)
    assert collector.positions == [1, 2, 3, 4, 5, 6]
    assert subscription.error is None


def test_a_stream_gives_what_stands_before_it_and_then_says_so_each_time(domain: Domain) -> None:
    with domain.subscribe(notebook, "a") as events:
        assert [next(events).version, next(events).version] == [1, 2]
        for _ in range(2):
            with pytest.raises(UnreadableEvent, match=UNKNOWN):
                events.next(timeout=60)

    async def follow() -> None:
        with domain.subscribe(notebook, "a") as events:
            assert [(await anext(events)).version, (await anext(events)).version] == [1, 2]
            with pytest.raises(UnreadableEvent, match=UNKNOWN):
                await anext(events)

    asyncio.run(follow())


def test_history_gives_what_stands_before_it_and_states_before_it_can_be_had(
    domain: Domain,
) -> None:
    book = domain.aggregate(notebook, "a")
    history = domain.history(book)
    assert [next(history).version, next(history).version] == [1, 2]
    with pytest.raises(UnreadableEvent, match=UNKNOWN):
        next(history)
    assert domain.state(book, at=2).pages == {"p": "x"}
    with pytest.raises(UnreadableEvent, match=UNKNOWN):
        domain.state(book)


def test_commands_to_its_aggregate_are_told_and_others_are_done(domain: Domain) -> None:
    with pytest.raises(UnreadableEvent, match=UNKNOWN):
        domain.aggregate(notebook, "a").send(Write(page="p", text="y")).result(60)
    assert domain.aggregate(notebook, "b").send(Write(page="p", text="y")).result(60).version == 3


# --- of aggregate types that the domain was not opened with ---------------------------------------


class Shelve(Command):
    """Put a notebook away."""

    page: Key[str]


class Shelved(Event):
    """It was put away."""

    page: Key[str]


def decide(state: int, command: Shelve) -> Iterator[Shelved]:
    """Always."""
    yield Shelved(page=command.page)


def evolve(state: int, event: Shelved) -> int:
    """Counts."""
    return state + 1


archive = Decider("archive", int, decide, evolve)


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A journal with events of types that not every program of it knows."""
    path = tmp_path / "d"
    journal = LmdbJournal.open(path, unsafe_no_fsync=True)
    happen(journal, "archive/x", "Unheard", "Unheard")
    happen(journal, "notebook/a", "Written")
    happen(journal, "ledger/x", "Booked")
    journal.close()
    return path


@pytest.mark.parametrize("deciders", [[notebook], [notebook, archive]])
def test_what_is_of_no_concern_to_a_model_is_passed_over(
    strangers: Path, deciders: list[Decider[object, Command, Event]]
) -> None:
    with Domain.open(
        strangers, deciders=deciders, read_models=[Pages], allow_unreadable=True
    ) as domain:
        with domain.read(Pages, after=4, timeout=60) as pages:
            assert pages.rows["a", "p"].text == "x"
        assert domain.model(Pages).status().error == ""


def test_an_event_that_a_model_listens_to_is_not_passed_over_because_its_decider_is_not_there(
    strangers: Path,
) -> None:
    journal = LmdbJournal.open(strangers, unsafe_no_fsync=True)
    happen(journal, "diary/x", "Written")
    journal.close()
    said = r"has a Written of diary/x \(position 5\), .* without the decider 'diary': open the dom"
    with Domain.open(strangers, deciders=[notebook], read_models=[Pages]) as domain:
        assert until(lambda: domain.model(Pages).status().state == "stopped")
        assert domain.model(Pages).status().position == 4
        with pytest.raises(Exception, match=said):
            domain.read(Pages, after=5, timeout=0.01)
    diary = Decider("diary", int, decide, evolve)  # whose events are other ones
    with Domain.open(
        strangers, deciders=[notebook, diary], read_models=[Pages], allow_unreadable=True
    ) as domain:
        assert domain.reached(Pages, 5, timeout=60).result(60) >= 5


def test_a_listener_is_told_once_for_each_type_what_it_is_not_given(
    strangers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="comity")
    collector = Collector()
    with Domain.open(strangers, deciders=[notebook]) as domain:
        subscription = domain.listen(collector)
        assert until(lambda: subscription.position == 4)
        end = write(domain, "a", "p", "more")
        assert until(lambda: subscription.position == end)
    assert collector.positions == [3, 5]
    said = [record.getMessage() for record in caplog.records]
    assert [one.partition(" are passed over")[0] for one in said] == [
        "subscription of Collector: the events of archive",
        "subscription of Collector: the events of ledger",
    ]


# --- classes that are not what was written --------------------------------------------------------


def go_wrong() -> Fields:
    """Do what a test says."""
    wrong = Page.WRONG["is"]
    if isinstance(wrong, BaseException):
        raise wrong
    return wrong  # type: ignore[return-value] # pyright: ignore[reportReturnType]


class Page(Event):
    """An event whose upcast does what a test says."""

    stored_as = "Written"
    schema_version = 2
    upcasts = {1: go_wrong}
    page: Key[str]
    text: str
    WRONG: ClassVar[dict[str, object]] = {}


def decide_pages(state: int, command: Shelve) -> Iterator[Page]:
    """One page."""
    yield Page(page=command.page, text="")


def evolve_pages(state: int, event: Page) -> int:
    """Counts."""
    return state + 1


class Mute(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise ValueError

    def __repr__(self) -> str:
        return "Mute"


WRONG: Sequence[object] = [
    ValueError("no"), KeyError("text"), RecursionError("deep"), MemoryError(), StopIteration(),
    None, [], {"page": 1, "text": "x"}, {"page": "p", "text": "x", "more": 1}, {1: 2},
    {"page": "p", "text": "\ud800"}, Mute(),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_an_upcast_that_goes_wrong_makes_the_event_unreadable(
    wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Page, "WRONG", {"is": wrong})
    journal = MemoryJournal()
    happen(journal, "notebook/a", "Written")
    pages = Decider("notebook", int, decide_pages, evolve_pages)
    said = r"notebook: cannot read a stored Written: .* \(version 1 of notebook/a, position 1\)"
    with Domain(journal, deciders=[pages]) as domain:
        book = domain.aggregate(pages, "a")
        with pytest.raises(UnreadableEvent, match=said):
            book.send(Shelve(page="p")).result(60)
        with pytest.raises(UnreadableEvent, match=said):
            domain.state(book)


def test_an_event_of_a_newer_program_is_unreadable() -> None:
    journal = MemoryJournal()
    happen(journal, "notebook/a", "Written", schema=3)
    with (
        Domain(journal, deciders=[notebook]) as domain,
        pytest.raises(UnreadableEvent, match=r"schema version 3, by a newer program"),
    ):
        domain.aggregate(notebook, "a").send(Write(page="p", text="y")).result(60)
