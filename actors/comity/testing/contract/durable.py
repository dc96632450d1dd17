"""Cases of a journal that outlives its process."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import islice
from typing import Final

import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Repeated
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import (
    A,
    B,
    append,
    data,
    events,
    new_id,
    placeless,
    rising,
    told,
    turn,
    write,
)

MANY: Final = (0, 0, 1, 1, 1, 1, 1, 2, 2, 700)
"""How many events an entry has; each history has some dozens of the largest."""


class Durable:
    """Cases of a journal that is closed and opened again, with `reopen`."""

    def test_everything_is_there_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        write(journal, A, 1, 3, 2)
        write(journal, B, 1)
        append(journal, [turn(A, 6)], [Snapshot(A, 6, "hash", b"state")])
        before = _everything(journal)
        assert _everything(reopen()) == before

    def test_versions_and_positions_go_on_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        write(journal, A, 2)
        append(journal, [turn(B, 0)])
        journal = reopen()
        results = append(journal, [turn(A, 2, b"3"), turn(B, 0, b"4")])
        assert told(results) == [("stored", 3), ("stored", 1)]
        assert len(rising(journal.read_all())) == 4

    def test_its_name_stays_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        lineage = journal.lineage()
        assert lineage.id
        assert reopen().lineage() == lineage

    def test_a_stale_turn_is_stale_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        write(journal, A, 2)
        assert told(append(reopen(), [turn(A, 1, b"x")])) == [("stale", 2)]

    def test_ids_are_known_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        append(journal, [turn(A, 0, b"x", command_id="done"), turn(A, 1, command_id="refused")])
        journal = reopen()
        for command_id in ("done", "refused"):
            (result,) = append(journal, [turn(A, 1, command_id=command_id, retry=True)])
            assert isinstance(result, Repeated)
            assert result.record.command_id == command_id

    def test_reopening_time_after_time_loses_nothing(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        for _ in range(10):
            write(journal, A, 2, 1)
            journal = reopen()
        assert data(journal.read(A)) == [b"%d" % each for each in range(1, 31)]

    @pytest.mark.parametrize("seed", range(10))
    def test_a_random_history_is_the_same_as_in_memory(
        self, journal: Journal, reopen: Callable[[], Journal], seed: int
    ) -> None:
        rng = random.Random(seed)
        memory = MemoryJournal()
        for _ in range(60):
            turns, snapshots = _random_call(rng, memory)
            results = append(journal, turns, snapshots)
            assert told(results) == told(memory.append(turns, snapshots))
            if rng.random() < 0.1:
                journal = reopen()
            if rng.random() < 0.2:
                assert _a_look(random.Random(seed), journal) == _a_look(random.Random(seed), memory)
        assert _everything(journal) == _everything(memory)


def _random_call(rng: random.Random, journal: Journal) -> tuple[list[Turn], list[Snapshot]]:
    """Make turns and snapshots of a few aggregates; some turns are stale or repeated."""
    boards = [AggregateId("board", key) for key in ("a", "ab", "a\0")]
    stands = {board: journal.version(board) for board in boards}
    knowns = {board: journal.lasting(board) for board in boards}
    turns: list[Turn] = []
    for _ in range(rng.choice((0, 1, 1, 3, 10))):
        board = rng.choice(boards)
        entries = [_random_entry(rng) for _ in range(rng.choice((1, 1, 2, 5)))]
        given = Turn.of(board, stands[board], tuple(entries), rng.choice((None, knowns[board])))
        for each in entries:
            knowns[board] = 0 if each.events else knowns[board] + each.lasting
        stands[board] = given.last_version
        if rng.random() < 0.1:
            given = given._replace(expected=max(0, given.expected + rng.choice((-1, 1))))
        if rng.random() < 0.1:
            given = given._replace(known=rng.randrange(3))
        if rng.random() < 0.1:
            state = Snapshot(board, given.last_version, "hash", rng.randbytes(3))
            given = given._replace(snapshot=state)
        turns.append(given)
    snapshots = [
        Snapshot(board, rng.randrange(stands[board] + 2), "hash", rng.randbytes(3))
        for board in boards
        if rng.random() < 0.1
    ]
    return turns, snapshots


def _random_entry(rng: random.Random) -> Entry:
    made = events(*(rng.randbytes(3) for _ in range(rng.choice(MANY))))
    stored = tuple([each._replace(schema=1 + place % 3) for place, each in enumerate(made)])
    lasting = not stored and rng.random() < 0.7
    if rng.random() < 0.2:
        id_ = f"given-{rng.randrange(300)}"
        return Entry(id_, stored, 0, b"note", retry=True, lasting=lasting)
    return Entry(new_id(), stored, 0, b"note", lasting=lasting)


def _a_look(rng: random.Random, journal: Journal) -> list[object]:
    """Return the answers to a few random queries."""
    board = AggregateId("board", rng.choice(("a", "ab", "a\0")))
    after = rng.randrange(journal.version(board) + 2)
    return [
        placeless(journal.read(board, after)),
        placeless(journal.read(board, after, after + rng.randrange(3_000))),
        placeless(islice(journal.read_backwards(board, after), rng.randrange(1, 100))),
        placeless(islice(journal.read_all(_some_position(rng, journal)), 5)),
        placeless(filter(None, [journal.find(f"given-{rng.randrange(300)}")])),
        journal.snapshot(board),
        list(journal.aggregates()),
        journal.lasting(board),
        dict(journal.kinds()),
    ]


def _some_position(rng: random.Random, journal: Journal) -> int:
    """Return any event's position, or 0; of the same event in all journals with these events."""
    number = rng.randrange(journal.figures().events + 1)
    for record in journal.read_all() if number else ():
        if number <= len(record.events):
            return record.position + number
        number -= len(record.events)
    assert not number, "the journal has fewer events than it counts"
    return 0


def _everything(journal: Journal) -> tuple[object, ...]:
    records = list(journal.read_all())
    return (
        placeless(records),
        list(journal.aggregates()),
        [placeless(journal.read(aggregate)) for aggregate, _ in journal.aggregates()],
        [journal.find(record.command_id) == record for record in records],
        [journal.snapshot(aggregate) for aggregate, _ in journal.aggregates()],
        (journal.figures().events, journal.figures().records),
        placeless(record for _, record in journal.read_every()),
        dict(journal.kinds()),
    )
