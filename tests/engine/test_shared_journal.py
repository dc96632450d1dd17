"""Several processes write one LMDB journal: what each sees of the others, and what it stores."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from tests.engine.program import Program

from comity.engine.journal import index
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Stale, Stored
from comity.engine.journal.since import read_since
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import A, B, C, data, rising, turn, until_caught_up, write


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Another process; to start one for each test would take long."""
    program = Program(tmp_path_factory.mktemp("program"))
    yield program
    program.kill()


@pytest.fixture
def other(journal: LmdbJournal, path: Path, program: Program) -> Iterator[Program]:
    """Another process that has the journal open as `j`."""
    program.run(f"j = LmdbJournal.open({str(path)!r}); print('open')")
    yield program
    program.run("j.close(); print('closed')")


def test_a_commit_of_its_own_is_shown_before_its_thread_goes_on_and_is_no_news(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    publish = LmdbJournal._publish  # pyright: ignore[reportPrivateUsage]
    before = journal.news()

    def look_first(self: LmdbJournal, put: object) -> None:
        seen.append((self.version(A), self.news()))
        publish(self, put)  # type: ignore[arg-type]

    monkeypatch.setattr(LmdbJournal, "_publish", look_first)
    write(journal, A, 2)
    assert seen == [(2, before)]
    assert (journal.version(A), journal.position(), journal.news()) == (2, 2, before)


def test_two_processes_append_in_turns(journal: LmdbJournal, other: Program) -> None:
    assert journal.append([turn(A, 0, b"1")]) == [Stored(1, 1)]
    two = "print(j.append([turn(A, 1, b'2', b'3')]))"
    assert other.run(two) == "[Stored(version=3, position=3)]"
    assert journal.append([turn(B, 0, b"1")]) == [Stored(1, 4)]
    assert other.run("print(j.position(), j.version(A), j.version(B))") == "4 3 1"
    assert data(journal.read(A)) == [b"1", b"2", b"3"]
    assert rising(journal.read_all()) == [1, 2, 3, 4]


def test_every_question_is_answered_with_what_another_process_has_stored(
    journal: LmdbJournal, other: Program
) -> None:
    write(journal, A, 1)
    other.run(
        "j.append([turn(A, 1, b'x', command_id='theirs')], [Snapshot(A, 1, 's', b'1')])\n"
        "print(write(j, B, 1))"
    )
    assert journal.version(A) == 2
    assert data(journal.read(A)) == data(journal.read_backwards(A))[::-1] == [b"1", b"x"]
    assert journal.position() == 3
    found = journal.find("theirs")
    assert found is not None
    assert found.version == 1
    assert list(journal.aggregates()) == [(A, 2), (B, 1)]
    assert len(data(until_caught_up(journal.follow()))) == 3
    assert [each.number for each in journal.read_every()] == [1, 2, 3]
    assert list(journal.kinds().values()) == [3]
    assert journal.figures()[:4] == (3, 3, 3, 3)
    assert journal.snapshot(A) == Snapshot(A, 1, "s", b"1")


def test_a_turn_that_was_decided_on_an_older_version_is_stale(
    journal: LmdbJournal, other: Program
) -> None:
    write(journal, A, 1)
    assert other.run("print(j.version(A))") == "1"
    write(journal, A, 1)
    assert other.run("print(j.append([turn(A, 1, b'late')]))") == "[Stale(version=2)]"
    assert data(journal.read(A)) == [b"1", b"2"]


def test_a_retry_that_arrives_at_another_process_is_repeated(
    journal: LmdbJournal, other: Program
) -> None:
    other.run("print(j.append([turn(A, 0, b'x', command_id='once')]))")
    (result,) = journal.append([turn(A, 1, command_id="once", retry=True)])
    assert isinstance(result, Repeated)
    assert result.record.events[0].data == b"x"


def test_a_lasting_record_of_another_process_makes_a_turn_stale(
    journal: LmdbJournal, other: Program
) -> None:
    lasting = "Turn.of(A, 1, [Entry('l{}', (), 1, None, lasting=True)])"
    write(journal, A, 1)
    journal.append([_knowing(1, 0)])
    other.run(f"print(j.append([{lasting.format(1)}]))")
    assert journal.append([_knowing(1, 0)]) == [Stale(1)]
    assert journal.append([_knowing(1, 1)]) == [Stored(1, 1)]
    assert other.run(f"print(j.append([{lasting.format(2)}])[0].version)") == "1"
    assert journal.append([_knowing(1, 1)]) == [Stale(1)]
    assert journal.lasting(A) == 2


def test_what_others_have_stored_since_a_place_is_the_same_in_memory_and_in_the_journal(
    journal: LmdbJournal, other: Program
) -> None:
    rng = random.Random(14)
    places = {(0, 0)}
    for number in range(60):
        version, known = journal.version(A), journal.lasting(A)
        places.add((version, known))
        kind = rng.choice(("b'x'", "b'x', b'y'", "lasting=True", "b'x' * 20_000"))
        if version and rng.random() < 0.3:
            journal.append([_knowing(version, known), turn(A, version, b"own")])
        else:
            kind = kind if version else "b'x'"
            other.run(f"print(j.append([turn(A, {version}, {kind}, command_id='{number}')]))")
        for place in places:
            wanted = list(read_since(journal.read, A, *place))
            assert list(journal.since(A, *place)) == wanted
        assert journal.lasting(A) == sum(each.lasting for each in _behind_events(journal))


def _behind_events(journal: LmdbJournal) -> list[Record]:
    return list(takewhile(lambda record: record.lasting, journal.read_backwards(A)))


def _knowing(version: int, known: int) -> Turn:
    return turn(A, version)._replace(known=known)


def test_news_grows_with_what_others_store_and_only_then(
    journal: LmdbJournal, other: Program
) -> None:
    write(journal, A, 1)
    before = journal.news()
    assert journal.news() == before
    other.run("print(write(j, B, 1))")
    assert journal.news() > before
    assert journal.news() == journal.news()


def test_an_append_that_changes_nothing_hides_no_commit_of_others(
    journal: LmdbJournal, other: Program
) -> None:
    write(journal, A, 3)
    journal.append([], [Snapshot(A, 3, "s", b"3")])
    journal.append([], [Snapshot(A, 2, "s", b"2")])  # it is older, so nothing is written
    other.run("print(write(j, A, 1))")
    assert journal.version(A) == 4
    write(journal, A, 1)


def test_nobody_else_appends_before_the_first_append_of_who_is_alone(
    journal: LmdbJournal, other: Program
) -> None:
    write(journal, A, 1)
    with journal.alone():
        other.begin("print(j.append([turn(A, 1, b'theirs')]))")
        assert [journal.version(A) for _ in range(100)] == [1] * 100
        assert data(journal.read(A)) == [b"1"]
        assert journal.append([turn(A, 1, b"mine")]) == [Stored(2, 2)]
    assert other.line() == "[Stale(version=2)]"


def test_who_is_alone_sees_all_that_others_have_stored(
    journal: LmdbJournal, other: Program
) -> None:
    other.run("print(j.append([turn(A, 0, b'x', command_id='theirs')]))")
    with journal.alone():
        assert journal.version(A) == 1
        assert journal.find("theirs") is not None
        assert data(journal.read(A)) == [b"x"]


def test_others_go_on_after_somebody_was_alone_and_appended_nothing(
    journal: LmdbJournal, other: Program
) -> None:
    with journal.alone():
        other.begin("print(write(j, A, 1))")
        assert journal.version(A) == 0
    assert other.line() == "None"
    assert journal.version(A) == 1
    with pytest.raises(ZeroDivisionError), journal.alone():
        raise ZeroDivisionError
    other.run("print(write(j, A, 1))")
    with journal.alone():
        assert journal.append([turn(A, 2, b"x"), turn(B, 7)]) == [Stored(3, 3), Stale(0)]
        assert journal.append([turn(B, 0, b"y")]) == [Stored(1, 4)]


@pytest.mark.parametrize("far", [0, 8_192])
def test_caches_stay_right_while_both_write_the_index(
    journal: LmdbJournal, other: Program, monkeypatch: pytest.MonkeyPatch, far: int
) -> None:
    monkeypatch.setattr("comity.engine.journal.lmdb_caches._FAR", far)
    monkeypatch.setattr("comity.engine.journal.lmdb_caches._TIPS", 3)
    monkeypatch.setattr(index, "FLUSH_RECORDS", 5)
    other.run("from comity.engine.journal import index; index.FLUSH_RECORDS = 7; print()")
    for step in range(40):
        aggregate = [A, B, C][step % 3]
        write(journal, aggregate, 1)
        told = other.run(
            f"for each in (A, B, C)[: {step} % 4]: write(j, each, 1)\n"
            "print([j.version(each) for each in (A, B, C)], j.position())"
        )
        versions = [journal.version(each) for each in (A, B, C)]
        assert told == f"{versions} {sum(versions)}"
        assert [len(data(journal.read(each))) for each in (A, B, C)] == versions
        assert [journal.find(each.record.command_id) for each in journal.read_every()] == [
            each.record for each in journal.read_every()
        ]
        assert list(journal.kinds().values()) == [sum(versions)]
    assert journal._tail.records <= 5 + 7 + 4  # pyright: ignore[reportPrivateUsage]


def test_an_index_that_the_last_one_has_written_leaves_nothing_to_read(
    path: Path, journal: LmdbJournal, other: Program
) -> None:
    write(journal, A, 1, 2)
    other.run("write(j, B, 3); j.close(); print('closed')")
    journal.close()
    again = LmdbJournal.open(path)
    assert again._tail.records == 0  # pyright: ignore[reportPrivateUsage]
    assert [again.version(each) for each in (A, B)] == [3, 3]
    again.close()


def test_a_waiting_reader_hears_of_what_another_process_stores(
    journal: LmdbJournal, other: Program, called: Callable[[], bool]
) -> None:
    other.run("print(write(j, A, 1))")
    assert called()


@pytest.fixture
def called(journal: LmdbJournal) -> Iterator[Callable[[], bool]]:
    """Waits until the journal has called its callback."""
    heard = threading.Event()
    stop = journal.wake(heard.set)
    yield lambda: heard.wait(30)
    stop()
