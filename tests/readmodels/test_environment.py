"""Environments: snapshots, their ends, who may open what, and what is left behind."""

# What the garbage collector does, and to whom files are given, is seen from inside.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import lmdb
import pytest
from tests.engine.program import Program
from tests.readmodels.bench import MAP, Bench, dump, make_environment
from tests.readmodels.cards import CardAdded, CardRemoved, Cards

from comity.engine.errors import (
    ComityError,
    ModelDamaged,
    ModelInUse,
    NotReady,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
    StorageFull,
)
from comity.engine.lmdb.library import READERS
from comity.engine.lmdb.span import EVERYTHING, Span
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.meaning import MODEL
from comity.readmodels.storage.reading import Reading
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.binding import Binding

TABLES = {"one": False, "several": True}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tables"


@pytest.fixture
def environment(path: Path) -> Iterator[Environment]:
    environment = make_environment(path, TABLES)
    yield environment
    environment.close()


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path / "cards")
    bench.take(CardAdded(card="a", title="A"))
    yield bench
    bench.close()


def put(environment: Environment, key: bytes, value: bytes = b"x") -> None:
    with environment.writing() as writing:
        writing.put(environment.handles["one"], key, value)


def begin(environment: Environment) -> Reading:
    reading = environment.begin()
    assert reading is not None
    return reading


def get(reading: Reading, key: bytes) -> bytes | None:
    return reading.get(reading.handles["one"], key)


_PROGRAM = """
import os, sys
from pathlib import Path
from comity.readmodels.storage.environment import Environment
environment = Environment(
    Path(sys.argv[1]), {"one": False, "several": True}, map_size=1 << 28, read_only=True
)
held = []
for line in sys.stdin:
    exec(eval(line))
"""


@pytest.fixture
def other(path: Path, environment: Environment) -> Iterator[Program]:
    program = Program(path, _PROGRAM)
    yield program
    program.kill()


# --- snapshots ------------------------------------------------------------------------------------


def test_a_snapshot_is_one_state_whatever_is_written_meanwhile(environment: Environment) -> None:
    put(environment, b"a")
    reading = begin(environment)
    put(environment, b"b")
    put(environment, b"a", b"y")
    assert (get(reading, b"a"), get(reading, b"b")) == (b"x", None)
    later = begin(environment)
    assert (get(later, b"a"), get(later, b"b")) == (b"y", b"x")
    reading.close()
    assert get(later, b"a") == b"y"


def test_all_tables_of_a_snapshot_are_of_one_state(cards: Bench[Cards]) -> None:
    """While another thread writes, no snapshot has rows without their index entries."""
    stop = threading.Event()
    failures: list[str] = []

    def look() -> None:
        while not stop.is_set():
            with cards.read() as model:
                rows = [row.card for row in model.rows.all()]
                found = sorted(row.card for row in model.by_title.all())
                counted = model.per_column.total()
                if rows != found or counted != len(rows):
                    failures.append(f"{rows} {found} {counted}")

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(150):
        cards.take(CardAdded(card=f"{n % 7}", title=f"{n}"), CardRemoved(card=f"{(n + 3) % 7}"))
    stop.set()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_nothing_of_a_transaction_that_fails_is_stored(environment: Environment) -> None:
    with pytest.raises(ValueError, match="no"), environment.writing() as writing:
        writing.put(environment.handles["one"], b"a", b"x")
        raise ValueError("no")
    assert dump(environment) == {"one": [], "several": []}


def test_a_closed_snapshot_is_expired(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        query = model.rows.all()
        assert query.count() == 1
        index = model.by_owner["ann"]
    asks: list[Callable[[], object]] = [
        lambda: model.rows.get(("b", "a")),
        lambda: model.rows.get_many([("b", "a")]),
        lambda: ("b", "a") in model.rows,
        model.rows.count,
        index.list,
        lambda: model.per_owner["ann"],
        model.votes.total,
        lambda: model.position,
        query.list,
        query.count,
        lambda: next(iter(query)),
    ]
    for ask in asks:
        with pytest.raises(SnapshotExpired, match="is closed, or was held past its deadline"):
            ask()
    model.close()


def test_a_snapshot_that_is_held_too_long_expires(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("comity.readmodels.storage.environment.monotonic", lambda: now[0])
    old = cards.snapshot()
    now[0] += 30
    new = cards.snapshot()
    assert cards.environment.oldest() == 30
    assert cards.environment.expire(29) == 1
    with pytest.raises(SnapshotExpired):
        old.rows.count()
    assert new.rows.count() == 1
    new.close()
    assert cards.environment.oldest() == 0
    assert cards.environment.expire(0) == 0


def test_a_query_in_flight_ends_when_its_snapshot_expires(cards: Bench[Cards]) -> None:
    cards.take(*(CardAdded(card=f"{n:04}", title="x") for n in range(500)))
    with cards.read() as model:
        rows = iter(model.rows.all())
        next(rows)
        cards.environment.expire(-1)
        with pytest.raises(SnapshotExpired):
            list(rows)


def test_a_snapshot_that_expires_while_threads_read_it_harms_nobody(cards: Bench[Cards]) -> None:
    cards.take(*(CardAdded(card=f"{n:04}", title="x", owner="ann") for n in range(300)))
    wrong: list[BaseException] = []

    def read(model: Cards) -> None:
        try:
            while True:
                assert model.by_owner["ann"].count() == 300
                assert len(model.rows.all().list()) == 301
        except SnapshotExpired:
            pass
        except BaseException as error:
            wrong.append(error)

    for _ in range(5):
        model = cards.snapshot()
        threads = [threading.Thread(target=read, args=(model,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.01)
        cards.environment.expire(-1)
        for thread in threads:
            thread.join(60)
    assert wrong == []


# --- what nobody closes ---------------------------------------------------------------------------


def test_a_forgotten_snapshot_gives_its_slot_back(cards: Bench[Cards]) -> None:
    for _ in range(3 * READERS):
        assert cards.snapshot().rows.count() == 1
    assert cards.environment.oldest_reader() is None


def test_a_snapshot_lives_as_long_as_a_query_or_table_of_it(cards: Bench[Cards]) -> None:
    query = cards.snapshot().rows.all()
    rows = cards.snapshot().rows
    figure = cards.snapshot().per_column
    cards.take(CardAdded(card="b", title="B"))
    assert (query.count(), len(rows), figure.total()) == (1, 1, 1)
    del query, rows, figure
    assert cards.environment.oldest_reader() is None


def test_a_snapshot_in_a_circle_is_found_by_the_garbage_collector(cards: Bench[Cards]) -> None:
    model: Any = cards.snapshot()
    model.__dict__["itself"] = model
    del model
    gc.collect()
    assert cards.environment.oldest_reader() is None


COLLECTED = """
import gc, itertools, sys, time
from pathlib import Path
from tests.readmodels.bench import MAP, Bench, make_environment
from tests.readmodels.cards import CardAdded, Cards
from comity.engine.lmdb import environment as opening
from comity.engine.lmdb import span
from comity.engine.lmdb.preflight import check_file
from comity.readmodels.storage import environment as snapshots
from comity.readmodels.tables.binding import Binding
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.reading import Reading

gc.disable()
folder = Path(sys.argv[1])
cards = Bench(Cards, folder / "cards")
cards.take(CardAdded(card="a", title="A"))
old = make_environment(folder / "old", {**Cards.schema.described.tables})
make_environment(folder / "new", {"one": False}).close()

def collecting(module, name, real):
    def collect_first(*arguments, **more):
        gc.collect()
        return real(*arguments, **more)
    setattr(module, name, collect_first)

def circle(environment):
    model = Cards.bound(Binding(environment.begin()))
    model.itself = model
    return model

match sys.argv[2]:
    case "while another one begins":
        circle(cards.environment)
        collecting(snapshots, "Reading", Reading)
        cards.snapshot().close()
    case "while a file is opened":
        circle(old)
        old.retire()
        collecting(opening, "check_file", check_file)
        Environment(folder / "new", {"one": False}, map_size=MAP).close()
    case "while another snapshot is read":
        circle(cards.environment)
        query = cards.snapshot().rows.all()
        collecting(span, "islice", itertools.islice)
        assert query.count() == len(query.list()) == 1
        del query
    case "while a query of it is read":
        query = circle(cards.environment).rows.all()
        collecting(span, "islice", itertools.islice)
        assert len(query.list()) == 1
        del query
    case "while snapshots are ended":
        circle(cards.environment)
        collecting(snapshots, "monotonic", time.monotonic)
        cards.environment.expire(-1)
        cards.environment.oldest()
assert cards.environment.oldest_reader() is None
cards.close()
print("done")
"""


@pytest.mark.parametrize(
    "when",
    [
        "while another one begins",
        "while a file is opened",
        "while another snapshot is read",
        "while a query of it is read",
        "while snapshots are ended",
    ],
)
def test_a_snapshot_may_be_collected(tmp_path: Path, when: str) -> None:
    """In a process of its own, since the garbage collector might wait for itself for ever."""
    ran = subprocess.run(
        [sys.executable, "-c", COLLECTED, str(tmp_path), when],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ran.stdout == "done\n"


# --- slots ----------------------------------------------------------------------------------------


def take_all_slots(environment: Environment) -> list[Reading]:
    held: list[Reading] = []
    with pytest.raises(ReadModelError, match=r"all 1024 reader slots of .* are taken"):
        while True:
            held.append(begin(environment))
    return held


def test_there_are_so_many_snapshots_and_no_more(environment: Environment) -> None:
    held = take_all_slots(environment)
    assert READERS <= len(held) < READERS + 64
    held.pop().close()
    held.append(begin(environment))
    for reading in held:
        reading.close()


def test_the_slots_of_a_killed_process_are_found_when_they_are_needed(
    environment: Environment, other: Program
) -> None:
    assert other.run("held += [environment.begin() for _ in range(10)]; print(len(held))") == "10"
    held = take_all_slots(environment)
    other.kill()
    held += [begin(environment) for _ in range(10)]
    for reading in held:
        reading.close()


def test_the_slots_of_a_killed_process_are_freed_by_who_looks(
    environment: Environment, other: Program
) -> None:
    put(environment, b"a")
    assert other.run("held.append(environment.begin()); print(len(held))") == "1"
    pinned = environment.last_transaction()
    put(environment, b"b")
    assert environment.oldest_reader() == pinned
    assert environment.check_readers() == 0
    other.kill()
    assert environment.check_readers() == 1
    assert environment.oldest_reader() is None


def test_another_process_sees_what_was_committed_at_once(
    environment: Environment, other: Program
) -> None:
    look = "with environment.reading() as reading: print(reading.get(reading.handles['one'], b'a'))"
    assert other.run(look) == "None"
    put(environment, b"a")
    assert other.run(look) == "b'x'"


# --- opening and closing --------------------------------------------------------------------------


def test_a_process_opens_an_environment_once(environment: Environment, path: Path) -> None:
    with pytest.raises(ModelInUse, match="is open in this process already"):
        Environment(path, TABLES, read_only=True)
    environment.close()
    Environment(path, TABLES, map_size=MAP).close()


def test_closing_twice_does_not_let_go_of_who_has_it_since(
    environment: Environment, path: Path
) -> None:
    environment.close()
    second = Environment(path, TABLES, map_size=MAP)
    environment.close()
    environment.retire()
    with pytest.raises(ModelInUse):
        Environment(path, TABLES, map_size=MAP)
    second.close()


def test_an_environment_by_another_path_is_the_same(environment: Environment, path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path.name)
    with pytest.raises(ModelInUse):
        Environment(link, TABLES, read_only=True)
    assert environment.is_at(link)


def test_an_opening_that_failed_may_be_tried_again(path: Path) -> None:
    make_environment(path, TABLES).close()
    for _ in range(2):
        with pytest.raises(ModelDamaged):
            Environment(path, {**TABLES, "third": False}, map_size=MAP, read_only=True)
    Environment(path, TABLES, map_size=MAP).close()


def test_what_is_not_there_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="there is nothing at"):
        Environment(tmp_path / "nowhere", TABLES)


def test_a_retired_environment_closes_with_its_last_snapshot(environment: Environment) -> None:
    put(environment, b"a")
    first, second = begin(environment), begin(environment)
    environment.retire()
    assert environment.is_retired
    assert environment.begin() is None
    with pytest.raises(SnapshotExpired), environment.reading():
        pass
    first.close()
    assert get(second, b"a") == b"x"
    second.close()
    second.close()
    with pytest.raises(lmdb.Error, match="closed"):
        environment.last_transaction()


def test_closing_ends_the_snapshots_that_are_held(environment: Environment) -> None:
    reading = begin(environment)
    environment.close()
    with pytest.raises(SnapshotExpired):
        get(reading, b"a")
    assert not reading.is_open
    assert environment.begin() is None


def test_closing_while_threads_read_ends_their_snapshots(cards: Bench[Cards]) -> None:
    wrong: list[BaseException] = []

    def read() -> None:
        try:
            while (reading := cards.environment.begin()) is not None:
                with Cards.bound(Binding(reading)) as model:
                    assert model.rows.all().count() == 1
        except SnapshotExpired:
            pass
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.02)
    cards.environment.close()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_forked_child_leaves_everything_to_the_parent(path: Path) -> None:
    """It abandons the environment and ends; the parent's snapshot and tables are as they were."""
    program = """
import os, sys, warnings
from pathlib import Path
from tests.readmodels.bench import make_environment
warnings.simplefilter("ignore")
environment = make_environment(Path(sys.argv[1]), {"one": False})
handle = environment.handles["one"]
with environment.writing() as writing:
    writing.put(handle, b"a", b"x")
reading = environment.begin()
child = os.fork()
if child == 0:
    environment.abandon()
    assert not reading.is_open
    reading.close()
    environment.close()
    assert environment.begin() is None
    del reading, environment
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert environment.oldest_reader() is not None
with environment.writing() as writing:
    writing.put(handle, b"a", b"y")
assert reading.get(handle, b"a") == b"x"
reading.close()
environment.close()
"""
    subprocess.run(
        [sys.executable, "-c", program, str(path)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


# --- sizes and copies -----------------------------------------------------------------------------


def test_a_copy_is_equal_and_smaller(environment: Environment, path: Path) -> None:
    with environment.writing() as writing:
        for n in range(2_000):
            writing.put(writing.handles["one"], b"%06d" % n, b"x" * 200)
            writing.put(writing.handles["several"], b"k", b"%06d" % n)
    with environment.writing() as writing:
        for n in range(0, 2_000, 2):
            writing.delete(writing.handles["one"], b"%06d" % n)
            writing.delete(writing.handles["several"], b"k", b"%06d" % n)
    aside = path.with_name("copy")
    aside.mkdir()
    environment.copy(aside)
    copy = Environment(aside, TABLES, map_size=MAP)
    assert dump(copy) == dump(environment)
    assert copy.size() < environment.size()
    put(copy, b"new")
    assert begin(environment).get(environment.handles["one"], b"new") is None
    copy.close()


def test_a_copy_is_of_one_state_while_it_is_written(cards: Bench[Cards], tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            cards.take(*(CardAdded(card=f"{cards.position % 50}", title="x") for _ in range(3)))

    thread = threading.Thread(target=write)
    thread.start()
    for number in range(5):
        aside = tmp_path / f"copy{number}"
        aside.mkdir()
        cards.environment.copy(aside)
        copied = Bench(Cards, aside)
        with copied.read() as model:
            assert model.position % 3 == 1
            assert model.by_title.count() == len(model.rows) == model.per_column.total()
        copied.close()
    stop.set()
    thread.join(60)


def test_what_is_used_is_less_than_the_file(environment: Environment) -> None:
    with environment.writing() as writing:
        writing.put_all(writing.handles["one"], [(b"%06d" % n, b"x" * 500) for n in range(500)])
    full = environment.used()
    assert full > 500 * 500
    with environment.writing() as writing:
        writing.clear(writing.handles["one"])
    assert environment.used() < full < environment.size() + 1


def test_entries_are_added_behind_all_others_or_it_is_said(environment: Environment) -> None:
    with environment.writing() as writing:
        handle = writing.handles["one"]
        assert writing.add_last(handle, [(b"a", b"1"), (b"c", b"2")])
        assert writing.add_last(handle, [])
        assert writing.add_last(handle, [(b"d", b"3")])
    with pytest.raises(ComityError), environment.writing() as writing:
        if not writing.add_last(writing.handles["one"], [(b"b", b"4")]):
            raise StorageFailed("out of order")
    assert [key for key, _ in dump(environment)["one"]] == [b"a", b"c", b"d"]


def test_a_span_says_what_it_holds(environment: Environment) -> None:
    span = Span(b"b", b"d")
    assert [span.holds(key) for key in (b"a", b"b", b"c\xff", b"d", b"e")] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert EVERYTHING.holds(b"\0")
    assert Span(b"b", None).holds(b"\xff")


# --- errors ---------------------------------------------------------------------------------------


def with_code(code: int) -> lmdb.Error:
    error: Any = lmdb.Error("something")
    error.code = code
    return cast("lmdb.Error", error)


ERRORS: list[tuple[Exception, type[Exception]]] = [
    (lmdb.CorruptedError("x"), ModelDamaged),
    (lmdb.PageNotFoundError("x"), ModelDamaged),
    (lmdb.InvalidError("x"), ModelDamaged),
    (lmdb.VersionMismatchError("x"), ModelDamaged),
    (lmdb.NotFoundError("x"), ModelDamaged),
    (lmdb.MapFullError("x"), StorageFull),
    (lmdb.DiskError("x"), StorageFull),
    (with_code(errno.ENOSPC), StorageFull),
    (with_code(errno.EDQUOT), StorageFull),
    (with_code(errno.EIO), StorageFailed),
    (with_code(errno.ENOENT), NotReady),
    (lmdb.ReadersFullError("x"), ReadModelError),
    (ValueError("x"), ValueError),
    (SnapshotExpired("x"), SnapshotExpired),
]


@pytest.mark.parametrize(("error", "meaning"), ERRORS)
def test_what_lmdb_says_is_told_as_what_it_means(
    environment: Environment, error: Exception, meaning: type[Exception]
) -> None:
    with pytest.raises(meaning), MODEL.told(environment.path):
        raise error


def test_whatever_cannot_be_used_where_nothing_is_was_removed(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="or not any more"), MODEL.told(tmp_path):
        raise lmdb.Error("x")


def test_a_snapshot_tells_damage_too(environment: Environment, monkeypatch: Any) -> None:  # noqa: ANN401
    put(environment, b"a")
    reading = begin(environment)

    class Torn:
        def get(self, *_: object) -> bytes:
            raise lmdb.CorruptedError("torn")

        def cursor(self, *_: object) -> None:
            raise lmdb.CorruptedError("torn")

        def abort(self) -> None:
            pass

    handle, real = reading.handles["one"], reading._txn
    monkeypatch.setattr(reading, "_txn", Torn())
    asks: list[Callable[[], object]] = [
        lambda: reading.get(handle, b"a"),
        lambda: reading.get_many(handle, [b"a"]),
        lambda: reading.entries(handle, EVERYTHING, 1, after=None, backwards=False),
        lambda: reading.count(handle, Span(b"a", b"b")),
    ]
    for ask in asks:
        with pytest.raises(ModelDamaged, match="LMDB cannot read"):
            ask()
    monkeypatch.setattr(reading, "_txn", real)
    reading.close()


def test_a_transaction_that_cannot_begin_is_told(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Writing) -> None:
        raise lmdb.DiskError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(Writing, "commit", refuse)
        with pytest.raises(StorageFull):
            put(environment, b"a")
    put(environment, b"b")
    assert dump(environment)["one"] == [(b"b", b"x")]


# --- when a failed write has ended it -------------------------------------------------------------


def _put(environment: Environment, value: bytes) -> None:
    with environment.writing() as writing:
        writing.put(environment.handles["one"], b"key", value)


def _got(environment: Environment) -> bytes | None:
    with environment.reading() as reading:
        return reading.get(reading.handles["one"], b"key")


def test_who_reads_opens_tables_again_that_a_failed_write_has_ended(
    environment: Environment,
) -> None:
    _put(environment, b"1")
    held = environment.begin()
    assert held is not None
    environment._env.close()
    assert _got(environment) == b"1"
    with pytest.raises(SnapshotExpired):
        held.get(held.handles["one"], b"key")
    _put(environment, b"2")
    assert _got(environment) == b"2"


def test_who_writes_does_so_too(environment: Environment) -> None:
    _put(environment, b"1")
    environment._env.close()
    _put(environment, b"2")
    assert _got(environment) == b"2"


def test_tables_that_cannot_be_opened_again_may_be_later(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(environment, b"1")
    environment._env.close()

    def fail(*_: object, **__: object) -> None:
        raise lmdb.Error("mdb_env_open")

    with monkeypatch.context() as broken:
        broken.setattr(lmdb, "open", fail)
        with pytest.raises(StorageFailed):
            _got(environment)
        with pytest.raises(StorageFailed):
            _put(environment, b"x")
        with pytest.raises(StorageFailed):
            environment.note()
    assert _got(environment) == b"1"
    environment.note()


def test_tables_that_are_retired_are_not_opened_again(environment: Environment) -> None:
    environment.retire()
    assert environment.begin() is None
    with pytest.raises(StorageFailed):
        _put(environment, b"x")
