"""What a domain is told cannot be changed by it, and what it answers once is not asked again."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import cast

import pytest

from comity.actors import Domain
from comity.actors.aggregates.services import Services
from comity.engine import At, Command, Decider, DeciderFailed, Event, Sent
from comity.engine.journal.memory_journal import MemoryJournal


class Count(Command):
    changing: bool = False


class Counted(Event):
    tag: str


decided: list[Sent] = []


def decide(told: tuple[str, ...], command: Count, sent: Sent) -> Iterator[Counted]:
    decided.append(sent)
    if command.changing:
        cast("dict[str, str]", sent.metadata)["tag"] = "changed"
    yield Counted(tag=sent.metadata.get("tag", ""))
    yield Counted(tag=sent.time.isoformat())


def evolve(told: tuple[str, ...], event: Counted, at: At) -> tuple[str, ...]:
    return (*told, f"{at.version} {event.tag} {at.who} {at.aggregate} {at.microseconds}")


counter = Decider("counter", tuple[str, ...], decide, evolve)


@pytest.fixture
def domain() -> Iterator[Domain]:
    decided.clear()
    with Domain(MemoryJournal(), deciders=[counter]) as domain:
        yield domain


def test_metadata_that_decide_changes_fails_that_command_alone(domain: Domain) -> None:
    handle = domain.session("ann").aggregate(counter, "c")
    with pytest.raises(DeciderFailed, match="does not support item assignment"):
        handle.do(Count(changing=True), metadata={"tag": "mine"})
    assert handle.do(Count(), metadata={"tag": "mine"}).events[0].tag == "mine"


def test_metadata_is_what_it_was_when_the_command_was_sent(domain: Domain) -> None:
    handle = domain.session("ann").aggregate(counter, "c")
    metadata = {"tag": "then"}
    pending = handle.send(Count(), metadata=metadata)
    metadata["tag"] = "now"
    assert pending.result(60).events[0].tag == "then"
    assert next(iter(domain.history(handle))).metadata == {"tag": "then"}


def test_a_retry_gets_the_first_answer_and_is_not_decided_again(domain: Domain) -> None:
    handle = domain.session("ann").aggregate(counter, "c")
    first = handle.do(Count(), id="own")
    assert handle.do(Count(), id="own").events == first.events
    (sent,) = decided
    assert (sent.who, sent.id) == ("ann", "own")
    assert first.events[1].tag == sent.time.isoformat()


def test_a_preview_is_told_who_asks_and_when(domain: Domain) -> None:
    preview = domain.session("ann").aggregate(counter, "c").preview(Count()).result(60)
    (sent,) = decided
    assert (sent.who, preview.events[1].tag) == ("ann", sent.time.isoformat())
    assert sent.id


def test_a_clock_that_is_set_back_is_told_as_it_was(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = domain.session("ann").aggregate(counter, "c")
    times = iter((2_000_000, 1_000_000))

    def now(_: Services) -> int:
        return next(times)

    monkeypatch.setattr(Services, "now", now)
    handle.do(Count())
    handle.do(Count())
    assert [one.microseconds for one in domain.history(handle)] == [2_000_000] * 2 + [1_000_000] * 2
    assert domain.state(handle)[2] == "3  ann counter/c 1000000"


def test_what_is_told_may_be_kept_and_copied() -> None:
    sent = Sent("ann", metadata={"tag": "x"})
    assert copy.deepcopy([sent]) == [sent]
    with pytest.raises(AttributeError):
        sent.who = "bob"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - that is the point
