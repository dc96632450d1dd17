"""`do`: a thread that waits decides and writes for itself, and harms nobody."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.actors.notebook import MISCHIEF, Misbehave, Write, notebook

from comity.actors import Domain
from comity.actors.aggregates.committer import Committer
from comity.actors.aggregates.task import Task
from comity.actors.runtime.pool import Pool
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.aggregate_id import AggregateId
from comity.engine.merging.sent import Sender


def _in_a_thread(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def _task() -> Task:
    aggregate = AggregateId("notebook", "a")
    until = time.monotonic() + 10
    return Task(aggregate, Write(page="p", text="x"), Sender(), "1", THREADS, until)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Domain:
    """A domain whose own threads do nothing."""
    domain = Domain.open(tmp_path / "team.db", deciders=[notebook])

    def nothing(*_: object) -> None:
        """In place of a wake-up."""

    monkeypatch.setattr(Pool, "schedule", nothing)
    monkeypatch.setattr(Committer, "_ring", nothing)
    return domain


def test_it_needs_none_of_the_engines_threads(
    alone: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[int] = []

    def work() -> None:
        book = alone.aggregate(notebook, "b")
        for text in "abcde":
            answers.append(book.do(Write(page="p", text=text)).version)  # noqa: PERF401

    thread = _in_a_thread(work)
    thread.join(60)
    assert answers == [1, 2, 3, 4, 5]
    monkeypatch.undo()
    alone.close()


def test_the_main_thread_never_helps(alone: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    book = alone.aggregate(notebook, "b")

    def later() -> None:
        monkeypatch.undo()
        book.send(Write(page="p", text="y"))  # wakes the engine's threads

    at_work: list[threading.Thread] = []
    MISCHIEF["who"] = lambda: at_work.append(threading.current_thread())
    threading.Timer(0.2, later).start()
    assert book.do(Misbehave(name="who", where="decide")).version == 1
    assert at_work
    assert threading.main_thread() not in at_work
    alone.close()
    MISCHIEF.clear()


def test_what_a_killed_helper_left_is_taken_over(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "team.db", deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "b")
        task = _task()
        domain._assembly.post(book.id, [task], helps=True)  # and then nobody calls `help`  # pyright: ignore[reportPrivateUsage]
        assert task.result(60)


def test_a_helper_that_holds_a_lock_of_its_host_runs_no_callback_that_needs_it(
    tmp_path: Path,
) -> None:
    lock, called = threading.Lock(), threading.Event()

    def callback() -> None:
        with lock:
            called.set()

    with Domain.open(tmp_path / "team.db", deciders=[notebook]) as domain:
        for number in range(50):
            called.clear()
            book = domain.aggregate(notebook, f"b{number}")

            def work() -> None:
                with lock:
                    book.send(Write(page="p", text="x")).add_done_callback(callback)  # noqa: B023 - joined below
                    book.do(Write(page="p", text="y"))  # noqa: B023

            thread = _in_a_thread(work)
            thread.join(60)
            assert not thread.is_alive()
            assert called.wait(60)


def test_many_threads_that_help_one_another_lose_no_answer_and_no_order(tmp_path: Path) -> None:
    clients, each = 16, 60
    versions: list[list[int]] = [[] for _ in range(clients)]
    with Domain.open(tmp_path / "team.db", deciders=[notebook]) as domain:

        def work(client: int) -> None:
            book = domain.aggregate(notebook, f"b{client % 3}")
            for number in range(each):
                command = Write(page=f"p{client}", text=f"{number}")
                receipt = book.do(command) if number % 3 else book.send(command).result(60)
                versions[client].append(receipt.version)

        threads = [_in_a_thread(partial(work, client)) for client in range(clients)]
        for thread in threads:
            thread.join(60)
        assert domain.statistics().events == clients * each
    assert all(one == sorted(one) for one in versions)
    for book in range(3):
        seen = [version for one in versions[book::3] for version in one]
        assert sorted(seen) == list(range(1, len(seen) + 1))


def test_after_closing_a_late_helper_is_answered(tmp_path: Path) -> None:
    domain = Domain.open(tmp_path / "team.db", deciders=[notebook])
    book = domain.aggregate(notebook, "b")
    ended: list[object] = []

    def work() -> None:
        for number in itertools.count():
            try:
                book.do(Write(page="p", text=f"{number}"))
            except BaseException as error:
                ended.append(type(error).__name__)
                return

    threads = [_in_a_thread(work) for _ in range(4)]
    time.sleep(0.2)
    domain.close()
    for thread in threads:
        thread.join(60)
    assert len(ended) == 4
    assert set(ended) <= {"Closed", "OutcomeUnknown"}


def test_a_helper_goes_on_while_a_callback_waits_for_what_it_holds(tmp_path: Path) -> None:
    lock, entered = threading.Lock(), threading.Event()

    def callback() -> None:
        entered.set()
        with lock:
            pass

    with Domain.open(tmp_path / "team.db", deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "b")
        versions: list[int] = []

        def work() -> None:
            with lock:
                book.send(Write(page="p", text="x")).add_done_callback(callback)
                assert entered.wait(60)
                versions.append(book.do(Write(page="p", text="y")).version)

        thread = _in_a_thread(work)
        thread.join(60)
        assert versions == [2]
