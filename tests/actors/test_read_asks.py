"""Every way an ask of the read side can end: none waits for ever, whatever becomes of its model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

import pytest
from tests.actors.notebook import MISCHIEF, Misbehave, Stall, Stamp, notebook, raising
from tests.actors.shelf import TROUBLE, Counts, Pages, misbehave, until, write

from comity.actors import Domain, ReadModels
from comity.actors.projecting.leader import Leader
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.projector_actor import ProjectorActor
from comity.actors.reading.access import Access
from comity.actors.reading.lookout import Lookout
from comity.engine import (
    AggregateId,
    Behind,
    Closed,
    Event,
    OutcomeUnknown,
    ReadModelError,
    Recorded,
    WiringError,
)
from comity.readmodels import Listener
from comity.readmodels.generations.reader import Reader

FAR = 1_000_000
"""A position that is not reached."""
LONG = 3600.0
HERE = AggregateId("notebook", "a")


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("CRITICAL", logger="comity")
    yield
    TROUBLE.clear()
    MISCHIEF.clear()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Domain]:
    """A domain with two models and one page."""
    with Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages, Counts]) as domain:
        domain.read(Pages, after=write(domain, "a", "p", "x"), timeout=60).close()
        yield domain


async def _reached(domain: Domain) -> object:
    return await domain.reached(Pages, FAR, timeout=LONG)


async def _all_updates(domain: Domain) -> object:
    return [update async for update in domain.watch(Pages.rows.all())]


async def _all_events(domain: Domain) -> object:
    return [at async for at in domain.subscribe(notebook, "a")]


def _watched(domain: Domain) -> object:
    with domain.watch(Pages.rows.all()) as watch:
        while watch.next(LONG):
            pass
    return None


def _heard(domain: Domain) -> object:
    with domain.subscribe(notebook, "a") as events:
        while events.next(LONG):
            pass
    return None


FOLLOWING: dict[str, Callable[[Domain], object]] = {
    "reached": lambda domain: domain.reached(Pages, FAR, timeout=LONG).result(),
    "reached, awaited": lambda domain: asyncio.run(_reached(domain)),
    "read after": lambda domain: domain.read(Pages, after=FAR, timeout=LONG),
    "watch": lambda domain: list(domain.watch(Pages.rows.all())),
    "watch, async": lambda domain: asyncio.run(_all_updates(domain)),
    "next of a watch": _watched,
    "subscribe": lambda domain: list(domain.subscribe(notebook, "a")),
    "subscribe, async": lambda domain: asyncio.run(_all_events(domain)),
    "next of a stream": _heard,
}
"""Asks that end when their domain closes, and say so by ending, `Closed` or `Behind`."""

JOBS: dict[str, Callable[[Domain], object]] = {
    "rebuild": lambda domain: domain.model(Pages).rebuild(),
    "replay": lambda domain: domain.model(Pages).replay(),
    "drop": lambda domain: domain.model(Pages).drop(HERE),
}
"""Asks that a projector has to do between two batches."""


def fail(*_: object) -> NoReturn:
    """In place of what does not."""
    msg = "v"
    raise ValueError(msg)


class Asked:
    """Something asked on a thread of its own."""

    def __init__(self, ask: Callable[[Domain], object], domain: Domain) -> None:
        self._ends: SimpleQueue[object] = SimpleQueue()
        self._domain = domain
        self._ask = ask
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._ends.put(self._ask(self._domain))
        except BaseException as error:
            self._ends.put(error)

    def end(self) -> object:
        """What it came to."""
        return self._ends.get(timeout=60)


@pytest.mark.parametrize("ask", FOLLOWING)
@pytest.mark.parametrize("hangs", [False, True], ids=["calm", "while `project` hangs"])
def test_who_follows_stops_when_the_domain_closes(ask: str, shelf: Domain, *, hangs: bool) -> None:
    stall = TROUBLE["hang"] = Stall()
    if hangs:
        misbehave(shelf, "b", "hang")
        assert stall.entered.wait(60)
    asked = Asked(FOLLOWING[ask], shelf)
    shelf.close(timeout=0.3)
    end = asked.end()
    assert end is None or isinstance(end, list | Behind | Closed), repr(end)
    stall.released.set()


@pytest.mark.parametrize("ask", JOBS)
def test_who_asks_a_model_that_hangs_is_answered_when_the_domain_closes(
    ask: str, shelf: Domain
) -> None:
    stall = TROUBLE["hang"] = Stall()
    misbehave(shelf, "b", "hang")
    assert stall.entered.wait(60)
    asked = [Asked(JOBS[ask], shelf) for _ in range(3)]
    assert until(lambda: shelf.model(Pages).actor.waiting >= 3)
    shelf.close(timeout=0.2)
    assert [type(one.end()) for one in asked] == [Closed] * 3
    stall.released.set()


def test_what_is_being_done_when_the_domain_closes_has_an_unknown_outcome(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall = Stall()

    def hang(*_: object) -> int:
        stall()
        return 0

    monkeypatch.setattr(Leader, "replay", hang)
    asked = Asked(JOBS["replay"], shelf)
    assert stall.entered.wait(60)
    shelf.close(timeout=0.2)
    assert type(asked.end()) is OutcomeUnknown
    stall.released.set()


def test_an_ask_that_is_answered_before_anybody_waits_comes_back(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(_projector: ProjectorActor[Counts], job: Callable[[], None]) -> None:
        job()

    monkeypatch.setattr(ProjectorActor, "_post", at_once)
    assert Asked(lambda domain: domain.model(Counts).rebuild(), shelf).end() is None


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), ValueError("v")])
def test_an_ask_that_fails_is_answered_and_the_next_one_is_done(
    error: BaseException, shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> NoReturn:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Leader, "replay", failing)
        assert type(Asked(JOBS["replay"], shelf).end()) is ReadModelError
    assert Asked(JOBS["replay"], shelf).end() == 0


def test_a_job_that_fails_takes_no_other_with_it(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall = TROUBLE["hang"] = Stall()
    misbehave(shelf, "b", "hang")
    assert stall.entered.wait(60)
    monkeypatch.setattr(ProjectorActor, "_try_again", fail)
    shelf.model(Pages).resume()
    asked = Asked(JOBS["replay"], shelf)
    assert until(lambda: shelf.model(Pages).actor.waiting == 2)
    stall.released.set()
    assert asked.end() == 0


def test_where_it_cannot_be_told_why_a_model_is_behind_the_asker_is_told_that(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [Asked(FOLLOWING["reached"], shelf) for _ in range(3)]
    assert until(lambda: len(shelf.model(Pages).access.waiters) == 3)
    monkeypatch.setattr(Access, "behind", fail)
    shelf.close(timeout=1)
    assert [type(one.end()) for one in asked] == [Behind] * 3


def test_a_rebuild_whose_listener_raises_comes_to_its_end(shelf: Domain) -> None:
    called: list[object] = []

    def listen(progress: object) -> NoReturn:
        called.append(progress)
        raise SystemExit

    shelf.model(Counts).rebuild(listen)
    assert until(lambda: shelf.model(Counts).status().rebuilt is None)
    assert len(called) == 1


# --- asked where one must not wait ----------------------------------------------------------------


class Asks(Listener):
    """A listener that asks."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Ask."""
        self._ask()


WHERE = ["project", "decide", "a listener", "the listener of a rebuild"]


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("ask", [*FOLLOWING, *JOBS])
def test_who_asks_on_a_thread_of_the_engine_is_refused_at_once_and_nothing_is_begun(
    ask: str, where: str, shelf: Domain
) -> None:
    ends: SimpleQueue[object] = SimpleQueue()

    def try_it(*_: object) -> None:
        try:
            ends.put({**FOLLOWING, **JOBS}[ask](shelf))
        except BaseException as error:
            ends.put(error)

    TROUBLE["ask"] = MISCHIEF["ask"] = try_it
    match where:
        case "project":
            misbehave(shelf, "b", "ask")
        case "decide":
            TROUBLE.clear()
            book = shelf.aggregate(notebook, "b")
            book.send(Misbehave(name="ask", where="decide")).result(60)
        case "a listener":
            shelf.listen(Asks(try_it))
        case _:
            shelf.model(Counts).rebuild(try_it)
    assert isinstance(ends.get(timeout=60), WiringError)
    assert shelf.model(Pages).status().rebuilt is None


# --- in another process, or at least without the domain -------------------------------------------


def test_where_nobody_projects_who_waits_is_told_in_time(tmp_path: Path, shelf: Domain) -> None:
    shelf.close()
    with ReadModels.open(tmp_path / "d", [Pages]) as models:
        with pytest.raises(Behind):
            models.reached(Pages, FAR, timeout=0.05).result(60)
        with pytest.raises(Behind):
            models.read(Pages, after=FAR, timeout=0.05)


def test_a_look_that_fails_keeps_nobody_waiting(
    tmp_path: Path, shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.close()
    monkeypatch.setattr(Lookout, "KEEP", 0.0)
    monkeypatch.setattr(Reader, "expire", fail)
    with ReadModels.open(tmp_path / "d", [Pages, Counts]) as models:
        for _ in range(3):
            with pytest.raises(Behind):
                models.reached(Counts, FAR, timeout=0.02).result(60)


def test_asks_of_a_model_that_has_stopped_end(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelFollower, "REST", (0.001, 0.004))
    TROUBLE["bug"] = raising(ValueError("bug"))
    asked = Asked(FOLLOWING["reached"], shelf)
    assert until(lambda: bool(shelf.model(Pages).access.waiters))
    misbehave(shelf, "b", "bug")
    assert type(asked.end()) is Behind
    with pytest.raises(Behind, match="bug"):
        shelf.reached(Pages, FAR, timeout=0.05).result(60)
    assert shelf.aggregate(notebook, "a").send(Stamp(page="p", stamps=1)).result(60).version == 2
