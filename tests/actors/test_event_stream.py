"""The events of one aggregate as they come: all of them, in order, from any version on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, Write, Written, notebook
from tests.actors.shelf import until

from comity.actors import Domain, EventStream
from comity.engine import Busy, Closed, FromTheFuture, Invalid, Recorded, WiringError
from comity.engine.journal.memory_journal import MemoryJournal


@pytest.fixture(params=["memory", "disk"])
def domain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Domain]:
    if request.param == "memory":
        with Domain(MemoryJournal(), deciders=[notebook]) as opened:
            yield opened
    else:
        with Domain.open(tmp_path / "d", deciders=[notebook]) as opened:
            yield opened


def _stamp(domain: Domain, key: str, times: int) -> None:
    book = domain.aggregate(notebook, key)
    book.send_many([Stamp(page="p", stamps=1)] * times).result(30)


def _take(stream: EventStream[NotebookEvent], most: int) -> list[int]:
    versions: list[int] = []
    while len(versions) < most and (at := stream.next(timeout=60)) is not None:
        versions.append(at.version)
    return versions


def test_a_stream_gives_what_happened_and_then_what_happens(domain: Domain) -> None:
    _stamp(domain, "a", 5)
    with domain.subscribe(notebook, "a") as events:
        assert _take(events, 5) == [1, 2, 3, 4, 5]
        assert events.next(timeout=0.05) is None
        domain.session("ann").aggregate(notebook, "a").send(Write(page="p", text="x")).result(60)
        at = events.next(timeout=60)
        assert at is not None
        assert (at.version, at.who, at.event) == (6, "ann", Written(page="p", text="x"))
        assert at.aggregate.key == "a"
        assert events.version == 6


@pytest.mark.parametrize("version", [0, 1, 150, 299, 300])
def test_a_stream_begins_after_any_version(domain: Domain, version: int) -> None:
    _stamp(domain, "a", 300)
    with domain.subscribe(notebook, "a", from_version=version) as events:
        _stamp(domain, "a", 20)
        assert _take(events, 320 - version) == list(range(version + 1, 321))


@pytest.mark.parametrize("version", [301, 310, 1 << 70])
def test_a_stream_does_not_begin_after_a_version_to_come(domain: Domain, version: int) -> None:
    """It would wait, and what comes up to there would be left out."""
    _stamp(domain, "a", 300)
    with pytest.raises(FromTheFuture, match="but notebook/a ends at 300"):
        domain.subscribe(notebook, "a", from_version=version)
    with domain.subscribe(notebook, "a", from_version=300) as events:
        _stamp(domain, "a", 1)
        assert _take(events, 1) == [301]


def test_a_stream_of_an_aggregate_that_was_never_heard_of_waits_for_it(domain: Domain) -> None:
    with domain.subscribe(notebook, "new") as events:
        assert events.next(timeout=0.05) is None
        _stamp(domain, "new", 1)
        assert _take(events, 1) == [1]


def test_others_events_do_not_concern_it(domain: Domain) -> None:
    with domain.subscribe(notebook, "a") as events:
        _stamp(domain, "b", 5)
        began = time.monotonic()
        assert events.next(timeout=0.2) is None
        assert time.monotonic() - began >= 0.2
        _stamp(domain, "a", 1)
        assert _take(events, 1) == [1]


def test_refusals_and_what_changes_nothing_are_no_events(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    with domain.subscribe(notebook, "a") as events:
        book.send(Write(page="p", text="x")).result(60)
        book.send(Write(page="p", text="x")).result(60)
        book.send(Write(page="p", text="y")).result(60)
        assert _take(events, 2) == [1, 2]
        assert events.next(timeout=0.1) is None


def test_a_negative_version_a_bad_key_and_a_foreign_decider_are_refused(domain: Domain) -> None:
    with pytest.raises(Invalid, match="a whole number, 0 or more"):
        domain.subscribe(notebook, "a", from_version=-1)
    with pytest.raises(Invalid):
        domain.subscribe(notebook, "")
    with Domain(MemoryJournal(), deciders=[]) as other, pytest.raises(WiringError):
        other.subscribe(notebook, "a")


def test_a_thread_iterates_until_the_stream_is_closed_elsewhere(domain: Domain) -> None:
    events, got = domain.subscribe(notebook, "a"), list[Recorded[NotebookEvent]]()
    reader = threading.Thread(target=lambda: got.extend(events))
    reader.start()
    _stamp(domain, "a", 500)
    assert until(lambda: len(got) == 500)
    events.close()
    reader.join(60)
    assert not reader.is_alive()
    assert [at.version for at in got] == list(range(1, 501))
    events.close()
    with pytest.raises(Closed, match="this stream is closed"):
        events.next(timeout=1)
    with pytest.raises(StopIteration):
        next(events)


def test_who_waits_with_a_timeout_is_told_of_the_closing(domain: Domain) -> None:
    events, answers = domain.subscribe(notebook, "a"), list[object]()

    def wait() -> None:
        try:
            answers.append(events.next(timeout=60))
        except Closed as error:
            answers.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    events.close()
    waiting.join(60)
    assert [type(answer) for answer in answers] == [Closed]


def test_closing_the_domain_ends_its_streams_whatever_they_are_doing(domain: Domain) -> None:
    failures: list[BaseException] = []

    def follow(key: str) -> None:
        try:
            for _ in domain.subscribe(notebook, key):
                pass
        except Closed:
            pass
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=follow, args=(f"k{n % 4}",)) for n in range(16)]
    for reader in readers:
        reader.start()
    for n in range(4):
        _stamp(domain, f"k{n}", 300)
    domain.close()
    for reader in readers:
        reader.join(60)
    assert not any(reader.is_alive() for reader in readers)
    assert failures == []
    with pytest.raises(Closed):
        domain.subscribe(notebook, "a")


def test_tasks_of_asyncio_follow_many_aggregates(domain: Domain) -> None:
    async def follow(key: str) -> list[int]:
        versions: list[int] = []
        with domain.subscribe(notebook, key) as events:
            async for at in events:
                versions.append(at.version)
                if at.version == 30:
                    break
        return versions

    async def send(key: str) -> None:
        for _ in range(30):
            await domain.aggregate(notebook, key).send(Stamp(page="p", stamps=1))

    async def everybody() -> list[list[int]]:
        keys = [f"k{n}" for n in range(10)]
        following = [asyncio.create_task(follow(key)) for key in keys * 10]
        await asyncio.gather(*map(send, keys))
        return await asyncio.wait_for(asyncio.gather(*following), 60)

    assert asyncio.run(everybody()) == [list(range(1, 31))] * 100


def test_closing_a_stream_ends_the_task_that_iterates(domain: Domain) -> None:
    async def run() -> int:
        events, told = domain.subscribe(notebook, "a"), asyncio.Event()

        async def follow() -> int:
            versions = 0
            async for _ in events:
                versions += 1
                told.set()
            return versions

        following = asyncio.create_task(follow())
        await domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
        await told.wait()
        threading.Thread(target=events.close).start()
        return await asyncio.wait_for(following, 60)

    assert asyncio.run(run()) == 1


def test_a_task_that_is_cancelled_while_it_follows_misses_nothing(domain: Domain) -> None:
    async def run() -> list[int]:
        versions: list[int] = []
        with domain.subscribe(notebook, "a") as events:
            for _ in range(40):
                try:
                    at = await asyncio.wait_for(anext(events), 0.005)
                    versions.append(at.version)
                except TimeoutError:
                    await domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
        return versions

    versions = asyncio.run(run())
    assert versions == list(range(1, len(versions) + 1))
    assert versions


def test_no_event_is_missed_while_commands_race_and_streams_begin_anywhere(domain: Domain) -> None:
    followed: list[tuple[int, list[int]]] = []
    end = 4 * 100 * 3

    def send() -> None:
        book = domain.aggregate(notebook, "a")
        for _ in range(100):
            while True:
                try:
                    book.send_many([Stamp(page="p", stamps=1)] * 3).result(60)
                    break
                except Busy:
                    time.sleep(0.001)

    def follow(seed: int) -> None:
        first = domain.version(domain.aggregate(notebook, "a")) if seed % 2 else 0
        with domain.subscribe(notebook, "a", from_version=first) as events:
            followed.append((first, _take(events, end - first)))

    senders = [threading.Thread(target=send) for _ in range(4)]
    followers = [threading.Thread(target=follow, args=(seed,)) for seed in range(12)]
    for number, follower in enumerate(followers):
        follower.start()
        if number % 3 == 0:
            senders[number // 3].start()
            time.sleep(0.01)
    for thread in (*senders, *followers):
        thread.join(60)
    assert domain.version(domain.aggregate(notebook, "a")) == end
    assert len(followed) == len(followers)
    for first, versions in followed:
        assert versions == list(range(first + 1, end + 1))


def test_many_streams_of_one_aggregate_come_and_go(domain: Domain) -> None:
    _stamp(domain, "a", 3)
    for _ in range(200):
        with domain.subscribe(notebook, "a", from_version=2) as events:
            assert _take(events, 1) == [3]
    streams = [domain.subscribe(notebook, "a", from_version=3) for _ in range(300)]
    _stamp(domain, "a", 1)
    assert [_take(stream, 1) for stream in streams] == [[4]] * 300
    for stream in streams:
        stream.close()
