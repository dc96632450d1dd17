"""What is alike wherever LMDB is used, tried on both uses: a journal's store, a model's tables.

Each of LMDB's errors at each of its calls, opening what is not right, reopening with readers in
flight, a fork, and reading beside who writes.
"""

# Faults are planted in what is private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeAlias

import lmdb
import pytest

from comity.engine.errors import (
    ComityError,
    JournalDamaged,
    JournalInUse,
    ModelDamaged,
    ModelInUse,
    NotAJournal,
    NotReady,
    OutcomeUnknown,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
    StorageFull,
)
from comity.engine.journal.lmdb_store import LmdbStore
from comity.readmodels.storage.damage_mark import DAMAGED
from comity.readmodels.storage.environment import Environment

TABLES = {"one": False}
MAP = 1 << 24

Told: TypeAlias = Mapping[type[Exception], type[ComityError]]
"""What errors become; all others are `StorageFailed`."""


class JournalUse:
    """As a journal uses it."""

    Environment: TypeAlias = LmdbStore
    told: ClassVar[Told] = {
        lmdb.CorruptedError: JournalDamaged,
        lmdb.PageNotFoundError: JournalDamaged,
        lmdb.PageFullError: JournalDamaged,
        lmdb.CursorFullError: JournalDamaged,
        lmdb.InvalidError: NotAJournal,
        lmdb.VersionMismatchError: NotAJournal,
        lmdb.IncompatibleError: NotAJournal,
        lmdb.NotFoundError: NotAJournal,
        lmdb.MapFullError: StorageFull,
        lmdb.DiskError: StorageFull,
    }
    gone = StorageFailed
    in_use = JournalInUse
    damaged = JournalDamaged
    foreign = NotAJournal

    @staticmethod
    def open(path: Path, *, read_only: bool = False) -> LmdbStore:
        """Open it."""
        lock = path / "nobody holds it" if read_only else None
        return LmdbStore(
            path, TABLES, map_size=MAP, fsync=True, mark=None, lock=lock, unsealed=(b"one",)
        )

    @staticmethod
    def put(environment: LmdbStore, value: bytes) -> None:
        """Set the value."""
        with environment.writing() as writing:
            writing.put("one", b"key", value)

    @staticmethod
    def get(environment: LmdbStore) -> bytes | None:
        """The value."""
        with environment.reading() as reading:
            found = reading.get("one", b"key")
            return None if found is None else bytes(found)

    @staticmethod
    def at_commit(told: type[ComityError]) -> type[ComityError]:
        """What an error becomes once the commit has begun."""
        return told if told is StorageFull else OutcomeUnknown

    abandoning = "from comity.engine.errors import Forked; environment.abandon(Forked('forked'))"


class ModelUse:
    """As a read model uses it."""

    Environment: TypeAlias = Environment
    told: ClassVar[Told] = {
        **dict.fromkeys(JournalUse.told, ModelDamaged),
        lmdb.ReadersFullError: ReadModelError,
        lmdb.LockError: ReadModelError,
        lmdb.MapFullError: StorageFull,
        lmdb.DiskError: StorageFull,
    }
    gone = NotReady
    in_use = ModelInUse
    damaged = ModelDamaged
    foreign = ModelDamaged

    @staticmethod
    def open(path: Path, *, read_only: bool = False) -> Environment:
        """Open it."""
        return Environment(path, TABLES, map_size=MAP, read_only=read_only)

    @staticmethod
    def put(environment: Environment, value: bytes) -> None:
        """Set the value."""
        with environment.writing() as writing:
            writing.put(writing.handles["one"], b"key", value)

    @staticmethod
    def get(environment: Environment) -> bytes | None:
        """The value."""
        with environment.reading() as reading:
            return reading.get(reading.handles["one"], b"key")

    @staticmethod
    def at_commit(told: type[ComityError]) -> type[ComityError]:
        """What an error becomes once the commit has begun."""
        return told

    abandoning = "environment.abandon()"


Use: TypeAlias = Any
"""One of the two: they have the same names, and each takes environments of its own."""
Tried: TypeAlias = Any
"""An environment of either."""

USES: list[Use] = [JournalUse, ModelUse]


@pytest.fixture(params=USES, ids=["journal", "model"])
def use(request: pytest.FixtureRequest) -> Use:
    return request.param


@pytest.fixture
def path(tmp_path: Path, use: Use) -> Path:
    return made(use, tmp_path / "made")


@pytest.fixture
def environment(use: Use, path: Path) -> Iterator[Tried]:
    environment = use.open(path)
    yield environment
    environment.close()


def made(use: Use, path: Path) -> Path:
    path.mkdir()
    use.Environment.create(path, TABLES)
    return path


# --- each error at each call ----------------------------------------------------------------------


def with_code(code: int) -> lmdb.Error:
    error = lmdb.Error("mdb_something")
    vars(error)["code"] = code
    return error


CLASSES: list[type[lmdb.Error]] = [
    found
    for found in vars(lmdb).values()
    if isinstance(found, type) and issubclass(found, lmdb.Error)
]


def errors(use: Use) -> list[tuple[lmdb.Error, type[ComityError]]]:
    """Every error that LMDB has, and what it is told as."""
    return [
        *((found("mdb_something"), use.told.get(found, StorageFailed)) for found in CLASSES),
        (with_code(errno.ENOSPC), StorageFull),
        (with_code(errno.EDQUOT), StorageFull),
        (with_code(errno.EIO), StorageFailed),
        (with_code(errno.ENOENT), use.gone),
    ]


def fail_to(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


class Instead:
    """Something of LMDB's, some calls of which are others."""

    def __init__(self, real: object, **others: object) -> None:
        self._real = real
        vars(self).update(others)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def beginning(environment: Tried, error: Exception) -> Callable[..., object]:
    """It fails, and yet the environment is alive: that is asked for without arguments."""
    begin = environment._env.begin
    failed: list[bool] = []

    def fail(**given: object) -> object:
        if given or not failed:
            failed.append(True)
            raise error
        return begin()

    return fail


def calling(environment: Tried, call: str, error: Exception) -> Callable[..., object]:
    """A transaction's call fails."""
    begin = environment._env.begin

    def begun(**given: object) -> Instead:
        return Instead(begin(**given), **{call: fail_to(error)})

    return begun


Ask: TypeAlias = Callable[[Use, Any], object]
"""What meets the error."""

ASKED: dict[str, Ask] = {
    "begin to read": lambda use, environment: use.get(environment),
    "begin to write": lambda use, environment: use.put(environment, b"2"),
    "get": lambda use, environment: use.get(environment),
    "put": lambda use, environment: use.put(environment, b"2"),
    "commit": lambda use, environment: use.put(environment, b"2"),
}


@pytest.mark.parametrize("call", ASKED)
def test_each_error_of_each_call_is_told_by_its_class(use: Use, tmp_path: Path, call: str) -> None:
    assert len(CLASSES) > 25
    for number, (error, told) in enumerate(errors(use)):
        environment = use.open(made(use, tmp_path / str(number)))
        use.put(environment, b"1")
        real = environment._env
        fails = (
            beginning(environment, error)
            if call.startswith("begin")
            else calling(environment, call, error)
        )
        environment._env = Instead(real, begin=fails)
        with pytest.raises(ComityError) as raised:
            ASKED[call](use, environment)
        assert type(raised.value) is (use.at_commit(told) if call == "commit" else told), error
        assert raised.value.__cause__ is error
        environment._env = real
        assert use.get(environment) == b"1", "nothing of what failed is there"
        environment.close()


def test_each_error_of_opening_is_told_by_its_class(
    use: Use, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, told in errors(use):
        with monkeypatch.context() as broken:
            broken.setattr(lmdb, "open", fail_to(error))
            with pytest.raises(ComityError) as raised:
                use.open(path)
        assert type(raised.value) is told, error
    use.open(path).close()


@pytest.mark.parametrize("call", ["sync", "copy"])
def test_each_error_of_a_models_flush_and_copy_is_told_by_its_class(
    tmp_path: Path, call: str
) -> None:
    path = made(ModelUse, tmp_path / "made")
    environment = ModelUse.open(path)
    calls: dict[str, Callable[[], object]] = {
        "sync": environment.flush,
        "copy": lambda: environment.copy(tmp_path),
    }
    real: Any = environment._env
    for error, told in errors(ModelUse):
        vars(environment)["_env"] = Instead(real, **{call: fail_to(error)})
        with pytest.raises(ComityError) as raised:
            calls[call]()
        assert type(raised.value) is told, error
    vars(environment)["_env"] = real
    environment.close()


def test_damage_that_a_model_meets_is_noted_for_all_processes(tmp_path: Path) -> None:
    for call in ("get", "put"):
        path = made(ModelUse, tmp_path / call)
        environment: Tried = ModelUse.open(path)
        real = environment._env
        environment._env = Instead(
            real, begin=calling(environment, call, lmdb.CorruptedError("torn"))
        )
        with pytest.raises(ModelDamaged):
            ASKED[call](ModelUse, environment)
        environment._env = real
        assert (path / DAMAGED).exists()
        assert environment.is_damaged
        environment.close()


# --- opening what is not right --------------------------------------------------------------------


def cut_short(path: Path) -> None:
    os.truncate(path / "data.mdb", 2 * 4_096)


def garble(path: Path) -> None:
    with (path / "data.mdb").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(2 * 4_096)
        file.write(bytes(size - 2 * 4_096))


def make_foreign(path: Path) -> None:
    (path / "data.mdb").write_bytes(b"a letter to somebody else, " * 500)


def make_empty(path: Path) -> None:
    (path / "data.mdb").write_bytes(b"")


def make_link(path: Path) -> None:
    (path / "data.mdb").rename(path / "elsewhere")
    (path / "data.mdb").symlink_to("elsewhere")


def rename_the_table(path: Path) -> None:
    with lmdb.open(os.fspath(path), max_dbs=2) as env:
        env.open_db(b"other")
        with env.begin(write=True) as txn:
            txn.drop(env.open_db(b"one", txn))


def have_several_values(path: Path) -> None:
    with lmdb.open(os.fspath(path), max_dbs=2) as env:
        with env.begin(write=True) as txn:
            txn.drop(env.open_db(b"one", txn))
        env.open_db(b"one", dupsort=True)


def remove(path: Path) -> None:
    (path / "data.mdb").unlink()


HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut short": (cut_short, "damaged"),
    "garbled": (garble, "damaged"),
    "several values": (have_several_values, "damaged"),
    "foreign": (make_foreign, "foreign"),
    "empty": (make_empty, "foreign"),
    "a link": (make_link, "foreign"),
    "another table": (rename_the_table, "foreign"),
    "gone": (remove, "gone"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_not_right_is_told_in_the_words_of_its_use(use: Use, path: Path, harm: str) -> None:
    environment = use.open(path)
    use.put(environment, b"1")
    environment.close()
    (path / "mark").unlink(missing_ok=True)
    does, cause = HARMS[harm]
    does(path)
    for _ in range(2):
        with pytest.raises(ComityError) as raised:
            use.open(path)
        assert type(raised.value) is getattr(use, cause)
        remedy = use.Environment.meaning.find if cause == "gone" else use.Environment.meaning.mend
        assert remedy in str(raised.value)


def test_a_process_opens_it_once(use: Use, path: Path, environment: Tried) -> None:
    for _ in range(2):
        with pytest.raises(use.in_use, match="open in this process already"):
            use.open(path, read_only=True)
    environment.close()
    environment.close()
    use.open(path).close()


def test_its_files_are_for_nobody_else(use: Use, path: Path) -> None:
    modes = {name: (path / name).stat().st_mode & 0o007 for name in ("data.mdb", "lock.mdb")}
    assert modes == {"data.mdb": 0, "lock.mdb": 0}


# --- opening it again -----------------------------------------------------------------------------


def die(environment: Tried) -> None:
    """As after a meta page that could not be written: everything fails."""
    real = environment._env
    fails = fail_to(lmdb.PanicError("mdb_txn_begin"))
    environment._env = Instead(real, begin=fails, info=fails, sync=fails, close=real.close)


def test_who_reads_opens_a_dead_one_again(use: Use, environment: Tried) -> None:
    use.put(environment, b"1")
    for _ in range(3):
        die(environment)
        assert use.get(environment) == b"1"
    use.put(environment, b"2")
    assert use.get(environment) == b"2"


def test_one_that_cannot_be_opened_again_may_be_later(
    use: Use,
    environment: Tried,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use.put(environment, b"1")
    die(environment)
    with monkeypatch.context() as broken:
        broken.setattr(lmdb, "open", fail_to(with_code(errno.EIO)))
        for _ in range(2):
            with pytest.raises(StorageFailed):
                use.get(environment)
            with pytest.raises(StorageFailed):
                use.put(environment, b"x")
    assert use.get(environment) == b"1"
    use.put(environment, b"2")


def test_one_that_was_moved_is_not_opened_again(
    use: Use,
    path: Path,
    environment: Tried,
) -> None:
    use.put(environment, b"1")
    path.rename(path.with_name("moved"))
    made(use, path)
    die(environment)
    with pytest.raises(use.gone, match="moved or deleted"):
        use.get(environment)
    path.rename(path.with_name("other"))
    path.with_name("moved").rename(path)
    assert use.get(environment) == b"1"


def test_readers_in_flight_are_waited_for_or_ended_and_never_wrong(
    use: Use,
    environment: Tried,
) -> None:
    use.put(environment, b"1")
    over = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not over.is_set():
            try:
                found = use.get(environment)
            except SnapshotExpired:
                continue
            except BaseException as error:
                found = error
            if found != b"1":
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        with environment.gate:  # nobody opens it again this moment
            die(environment)
        while isinstance(environment._env, Instead) and not wrong:
            over.wait(0.001)  # until one of them has
    over.set()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    use.put(environment, b"2")
    assert use.get(environment) == b"2"


def test_of_those_who_revive_it_at_a_time_one_opens_it(
    environment: Tried,
    use: Use,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[object] = []
    real = lmdb.open

    def count(*given: Any, **more: Any) -> object:  # noqa: ANN401
        opened.append(given)
        return real(*given, **more)

    monkeypatch.setattr(lmdb, "open", count)
    use.put(environment, b"1")
    die(environment)
    threads = [threading.Thread(target=environment.revive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(opened) == 1
    assert use.get(environment) == b"1"


def test_who_writes_is_waited_for(use: Use, environment: Tried) -> None:
    done: list[str] = []

    def reopen() -> None:
        environment.reopen()
        done.append("reopened")

    with environment.writing():
        thread = threading.Thread(target=reopen)
        thread.start()
        thread.join(0.05)
        done.append("written")
    thread.join(60)
    assert done == ["written", "reopened"]


# --- other processes ------------------------------------------------------------------------------


def run(use: Use, path: Path, program: str) -> str:
    """The last line of a program that has `use`, `path` and what is here."""
    begin = (
        "import os, sys, warnings; from pathlib import Path; warnings.simplefilter('ignore');"
        f"from tests.contract.test_lmdb_environment import {use.__name__} as use;"
        "path = Path(sys.argv[1])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", begin + program, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_a_forked_child_touches_nothing(use: Use, path: Path) -> None:
    program = f"""
environment = use.open(path)
use.put(environment, b"1")
held = environment.transaction()
child = os.fork()
if child == 0:
    {use.abandoning}
    try:
        use.open(path)
    except use.in_use as error:
        assert "open it only after the fork" in str(error)
        environment.close()
        del environment
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
held.abort()
use.put(environment, b"2")
print(use.get(environment))
environment.close()
"""
    assert run(use, path, program) == "b'2'"


def test_who_only_reads_sees_what_another_process_writes(
    use: Use,
    path: Path,
    environment: Tried,
) -> None:
    reads = "environment = use.open(path, read_only=True); print(use.get(environment))"
    assert run(use, path, reads) == "None"
    use.put(environment, b"1")
    assert run(use, path, reads) == "b'1'"
    die(environment)
    assert use.get(environment) == b"1"
    use.put(environment, b"2")
    assert run(use, path, reads) == "b'2'"


def test_who_only_reads_cannot_write(use: Use, path: Path) -> None:
    environment = use.open(path, read_only=True)
    with pytest.raises(StorageFailed):
        use.put(environment, b"1")
    assert use.get(environment) is None
    environment.close()


def test_the_slots_of_a_killed_reader_are_freed(
    use: Use,
    path: Path,
    environment: Tried,
) -> None:
    run(use, path, "held = use.open(path, read_only=True).transaction(); os._exit(0)")
    assert environment.check_readers() == 1
    assert environment.check_readers() == 0
