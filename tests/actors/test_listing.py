"""`domain.aggregates`: pages of the aggregates of a type, while commands go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import cast

import pytest
from examples.reminder.domain import GiveTask, tasks
from examples.reminder.process import reminder
from tests.actors.notebook import PageFull, Write, notebook

from comity.actors import Domain
from comity.engine import Closed, Invalid, ListedAggregate, WiringError
from comity.engine.journal.memory_journal import MemoryJournal
from comity.readmodels import Page


@pytest.fixture(params=["memory", "disk"])
def domain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Domain]:
    """A domain with the notebooks a, ab, b, b/c."""
    if request.param == "memory":
        opened = Domain(MemoryJournal(), deciders=[notebook])
    else:
        opened = Domain.open(tmp_path / "team.db", deciders=[notebook])
    with opened:
        for number, key in enumerate(("b/c", "a", "b", "ab", "a")):
            opened.aggregate(notebook, key).do(Write(page="p", text=f"{number}"))
        yield opened


def keys(page: Page[ListedAggregate]) -> list[str]:
    return [one.key for one in page.rows]


def test_a_page_has_keys_versions_and_times(domain: Domain) -> None:
    page = domain.aggregates(notebook)
    assert [(one.type, one.key, one.version) for one in page.rows] == [
        ("notebook", "a", 2), ("notebook", "ab", 1), ("notebook", "b", 1), ("notebook", "b/c", 1),
    ]  # fmt: skip
    assert page.next is None
    for one in page.rows:
        (*_, last) = domain.history(domain.aggregate(notebook, one.key))
        assert one.changed == last.time
        assert datetime.now(UTC) - one.changed < timedelta(minutes=5)


def test_pages_follow_each_other(domain: Domain) -> None:
    first = domain.aggregates(notebook, limit=3)
    assert (keys(first), first.next) == (["a", "ab", "b"], "b")
    last = domain.aggregates(notebook, limit=3, after=first.next)
    assert (keys(last), last.next) == (["b/c"], None)
    assert domain.aggregates(notebook, limit=4).next is None


def test_keys_can_be_chosen_by_their_beginning(domain: Domain) -> None:
    assert keys(domain.aggregates(notebook, prefix="a")) == ["a", "ab"]
    assert keys(domain.aggregates(notebook, prefix="b", after="b")) == ["b/c"]
    assert keys(domain.aggregates(notebook, prefix="b", after="a")) == ["b", "b/c"]
    assert keys(domain.aggregates(notebook, prefix="a", after="b")) == []
    assert keys(domain.aggregates(notebook, prefix="c")) == []


def test_an_aggregate_that_was_only_refused_is_not_there(domain: Domain) -> None:
    with pytest.raises(PageFull):
        domain.aggregate(notebook, "full").do(Write(page="p", text="u" * 2000))
    assert "full" not in keys(domain.aggregates(notebook))


def test_instances_of_a_process_are_aggregates_of_its_decider(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "t.db", deciders=[tasks], processes=[reminder]) as domain:
        due = datetime.now(UTC) + timedelta(days=1)
        domain.aggregate(tasks, "office").do(GiveTask(task="taxes", to="ann", due=due))
        assert keys(domain.aggregates(tasks)) == ["office"]


def test_it_lists_while_commands_go_on(domain: Domain) -> None:
    stop = Flag()

    def write() -> None:
        number = 0
        while not stop.is_set():
            key = f"n{number % 50:02}"
            domain.aggregate(notebook, key).do(Write(page="p", text=f"{number}"))
            number += 1

    writer = Thread(target=write)
    writer.start()
    try:
        before: dict[str, int] = {}
        for _ in range(30):
            rows = domain.aggregates(notebook, limit=1_000).rows
            found = {one.key: one.version for one in rows}
            assert all(one.key < other.key for one, other in pairwise(rows))
            assert all(found[key] >= version for key, version in before.items())
            before = found
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("limit", [0, 1_001, -1, True, "5", None])
def test_a_wrong_limit_is_refused(domain: Domain, limit: object) -> None:
    with pytest.raises(Invalid, match="a page holds 1 to 1,000 aggregates"):
        domain.aggregates(notebook, limit=cast("int", limit))


@pytest.mark.parametrize("text", ["x" * 201, "\ud800", 5, b"a"])
def test_what_cannot_be_part_of_a_key_is_refused(domain: Domain, text: object) -> None:
    with pytest.raises(Invalid, match="key"):
        domain.aggregates(notebook, prefix=cast("str", text))
    with pytest.raises(Invalid, match="key"):
        domain.aggregates(notebook, after=cast("str", text))


def test_a_foreign_decider_is_refused(domain: Domain) -> None:
    with pytest.raises(WiringError, match="not among the deciders"):
        domain.aggregates(tasks)


def test_a_closed_domain_lists_nothing(domain: Domain) -> None:
    domain.close()
    with pytest.raises(Closed):
        domain.aggregates(notebook)
