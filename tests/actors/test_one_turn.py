"""Commands of one turn of which one cannot be stored: it is refused alone, the others are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import MISCHIEF, Misbehave, Stall, Stamp
from tests.actors.notebook import notebook as stalling

from comity.actors import Domain
from comity.actors.aggregates.decided_turn import MOST_BYTES
from comity.engine import Command, Decider, Event, Invalid, Receipt
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.messages.codec import MAX_PAYLOAD


class File(Command):
    """File a sheet of this size, or one that nobody can store."""

    number: int
    size: int = 1
    strange: bool = False


class Filed(Event):
    """A sheet was filed."""

    number: int
    text: str


def decide(sheets: list[int], command: File) -> Iterator[Filed]:
    """File it, whatever it is."""
    filed = Filed(number=command.number, text="x" * command.size)
    if command.strange:
        vars(filed)["text"] = object()  # behind pydantic's back
    yield filed


def evolve(sheets: list[int], event: Filed) -> list[int]:
    """The numbers of the sheets, in order."""
    return [*sheets, event.number]


cabinet = Decider("cabinet", list[int], decide, evolve)


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    with Domain.open(tmp_path / "team.db", deciders=[cabinet, stalling]) as domain:
        yield domain


def filed(domain: Domain, *commands: File) -> list[object]:
    """Send them together, so that they are decided in one turn: versions, or classes of errors."""
    stall = MISCHIEF["stall"] = Stall()
    held = domain.aggregate(stalling, "first").send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)  # nothing is decided now
    sent = domain.aggregate(cabinet, "c").send_many(commands)
    stall.released.set()
    held.result(60)
    return [one.version if isinstance(one, Receipt) else type(one) for one in sent.result(60)]


@pytest.mark.parametrize(
    "bad",
    [File(number=2, size=MAX_PAYLOAD), File(number=2, strange=True)],
    ids=["large", "strange"],
)
def test_a_command_whose_event_cannot_be_stored_is_refused_alone(domain: Domain, bad: File) -> None:
    assert filed(domain, File(number=1), bad, File(number=3)) == [1, Invalid, 2]
    assert domain.state(domain.aggregate(cabinet, "c")) == [1, 3]
    assert filed(domain, File(number=4)) == [3]


def test_a_turn_that_would_be_too_large_is_cut(domain: Domain) -> None:
    size = MOST_BYTES // 3
    commands = [File(number=number, size=size) for number in range(20)]
    assert filed(domain, *commands) == list(range(1, 21))
    assert domain.state(domain.aggregate(cabinet, "c")) == list(range(20))


def test_a_command_may_be_larger_than_a_turn(domain: Domain) -> None:
    large = File(number=2, size=MAX_PAYLOAD - 100)
    assert filed(domain, File(number=1), large, File(number=3)) == [1, 2, 3]


def test_what_one_turn_stored_is_one_record_of_a_commit(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "team.db", deciders=[cabinet, stalling]) as domain:
        assert filed(domain, *[File(number=number) for number in range(50)]) == list(range(1, 51))
        assert domain.aggregate(stalling, "first").send(Stamp(page="p", stamps=1)).result(60)
    journal = LmdbJournal.open(tmp_path / "team.db", read_only=True)
    records = list(journal.read_all())
    ids = [record.command_id for record in records if record.aggregate.type == "cabinet"]
    assert len(set(ids)) == 50
    assert [journal.find(each) in records for each in ids] == [True] * 50
    assert journal.figures().commits <= 4
    journal.close()
