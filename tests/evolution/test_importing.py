"""Files that are not as they were written, and imports that are interrupted."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.evolution.exported import exported, numbered, sealed, unsealed
from tests.evolution.migrations import same, write
from tests.evolution.test_migrating_resumed import stopping

from comity.actors import Domain
from comity.engine import NotAJournal, StorageFull, TooNew, WiringError
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.numbered import Numbered
from comity.evolution import (
    ExportDamaged,
    ImportFailed,
    NotAnExport,
    export_journal,
    import_journal,
    migrate,
)
from comity.evolution.exporting import line_file

ROOT = Path(__file__).parents[2]
Lines = list[bytes]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with more records than one commit of an import has."""
    path = tmp_path_factory.mktemp("journals") / "old.db"
    write(path, commands=2_300)
    return path


@pytest.fixture(scope="module")
def lines(old: Path) -> Lines:
    """The lines of its export."""
    return exported(old)


@pytest.fixture
def file(tmp_path: Path, lines: Lines) -> Path:
    """Its export."""
    path = tmp_path / "old.jsonl"
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where nothing is."""
    return tmp_path / "new.db"


# Files.


def swapped(lines: Lines) -> Lines:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


DAMAGES: dict[str, Callable[[Lines], Lines]] = {
    "a line is missing": lambda lines: lines[:7] + lines[8:],
    "a line is doubled": lambda lines: [*lines[:8], lines[7], *lines[8:]],
    "a line is changed": lambda lines: [
        *lines[:7], lines[7].replace(b'"who":"ann"', b'"who":"eve"'), *lines[8:],
    ],
    "two lines are swapped": swapped,
    "a line is of another export": lambda lines: [*lines[:7], lines[9], *lines[8:]],
    "the last record is missing": lambda lines: lines[:-2] + lines[-1:],
    "the last line is missing": lambda lines: lines[:-1],
    "the last line is cut": lambda lines: [*lines[:-1], lines[-1][:-9]],
    "a line is cut": lambda lines: [*lines[:7], lines[7][:50]],
    "there is more behind the end": lambda lines: [*lines, b"{}\n"],
    "it is there twice": lambda lines: [*lines, *lines],
    "a bit has flipped": lambda lines: [
        *lines[:7], lines[7][:30] + bytes([lines[7][30] ^ 64]) + lines[7][31:], *lines[8:],
    ],
    "it is not UTF-8": lambda lines: [*lines[:7], b"\xff" + lines[7], *lines[8:]],
    "an empty line": lambda lines: [*lines[:7], b"\n", *lines[7:]],
    "the first line is changed": lambda lines: [lines[0].replace(b"0.1.0", b"0.1.1"), *lines[1:]],
    "it has the ends of lines of another system": lambda lines: [
        one.replace(b"\n", b"\r\n") for one in lines
    ],
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_found_before_anything_is_written(
    lines: Lines, file: Path, new: Path, damage: str
) -> None:
    damaged = b"".join(DAMAGES[damage](lines))
    file.write_bytes(damaged)
    with pytest.raises(ExportDamaged, match=r"old\.jsonl") as raised:
        import_journal(file, new)
    assert "line" in str(raised.value)
    assert not new.exists()
    with pytest.raises(ExportDamaged):  # a pipe is read once
        import_journal(BytesIO(damaged), new)
    assert not new.exists() or (new / "unfinished").exists()


def test_it_says_which_line(lines: Lines, file: Path, new: Path) -> None:
    file.write_bytes(b"".join(lines[:7] + lines[8:]))
    with pytest.raises(ExportDamaged, match=r"old\.jsonl, line 8 is not the one that was written"):
        import_journal(file, new)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"hello\n", b'{"a":1}\n', b"\x00" * 100, b'[{"comity":"export"}]']
)
def test_another_file_is_refused(file: Path, new: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(NotAnExport, match="is no export of a journal"):
        import_journal(file, new)
    assert not new.exists()


def test_a_file_must_be_there(tmp_path: Path, new: Path) -> None:
    for path in (tmp_path / "none", tmp_path, tmp_path / "none" / "none"):
        with pytest.raises(NotAnExport, match="is no file"):
            import_journal(path, new)
    with pytest.raises(WiringError):
        import_journal(3, new)  # type: ignore[arg-type]
    assert not new.exists()


def test_a_compressed_file_that_is_cut_or_changed_is_damaged(lines: Lines, new: Path) -> None:
    packed = gzip.compress(b"".join(lines))
    middle = len(packed) // 2
    for damaged in (packed[:middle], packed[:-4], packed[:middle] + b"xxxx" + packed[middle + 4 :]):
        with pytest.raises(ExportDamaged):
            import_journal(BytesIO(damaged), new)


def test_a_huge_line_does_not_fill_the_memory(
    lines: Lines, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_file, "LONGEST", 10_000)
    with pytest.raises(NotAnExport, match="line 2 has more than 10,000 bytes"):
        import_journal(BytesIO(lines[0] + b"x" * 20_000), new)


def test_a_newer_export_is_too_new(lines: Lines, new: Path) -> None:
    head, *rest = unsealed(lines)
    newer = sealed([{**head, "format": 2, "version": "0.9.0"}, *rest])
    with pytest.raises(TooNew, match=r"this export has format 2; .*use comity 0\.9\.0 or newer"):
        import_journal(BytesIO(newer), new)
    assert not new.exists()


def test_a_part_makes_no_journal(old: Path, file: Path, new: Path) -> None:
    export_journal(old, file, types=["board"], replace=True)
    with pytest.raises(NotAnExport, match=r"only a part of a journal \(types \['board'\]\)"):
        import_journal(file, new)
    assert not new.exists()


# Lines with right checksums that no comity writes.


FORGED: list[tuple[dict[str, object], str]] = [
    ({"version": 7}, "was decided on version 7, and the records before it end at version 0"),
    ({"position": 7}, "is at position 7, and the events before it end at 0"),
    ({"record": 0}, "record 0 comes after record 0"),
    ({"record": "1"}, "expected a whole number for 'record'"),
    ({"record": True}, "expected a whole number for 'record'"),
    ({"version": -1}, "expected a whole number for 'version'"),
    ({"position": 1 << 63}, "expected a whole number for 'position'"),
    ({"type": "B!"}, "an aggregate type's name"),
    ({"key": ""}, "an aggregate's key"),
    ({"id": "x" * 300}, "a command id"),
    ({"id": "\ud800"}, "a command id"),
    ({"time": "yesterday"}, "expected a time"),
    ({"time": "2026-11-30T12:00:00"}, "expected a time"),
    ({"time": 1.5}, "expected a time"),
    ({"events": {}}, "expected a list of events"),
    ({"events": [3]}, "expected an event"),
    ({"events": [{"name": "A", "schema": 1}]}, "expected an event"),
    ({"events": [{"name": "A", "schema": 1, "data": {}, "x": 1}]}, "an event has 'x'"),
    ({"events": [{"name": 3, "schema": 1, "data": {}}]}, "expected a text for 'name'"),
    ({"note": 3}, "expected a note"),
    ({"note": {"from": "ann"}}, "the note has 'from'"),
    ({"lasting": True}, "a lasting record has no events"),
    ({"more": 1}, "it has 'more'"),
]


@pytest.mark.parametrize(("change", "said"), FORGED)
def test_a_forged_line_is_named(
    lines: Lines, new: Path, change: dict[str, object], said: str
) -> None:
    head, first, *rest = unsealed(lines)
    forged = sealed([head, {**first, **change}, *rest])
    with pytest.raises((ExportDamaged, ImportFailed), match="line 2") as raised:
        import_journal(BytesIO(forged), new)
    assert said in str(raised.value)


@pytest.mark.parametrize("change", [{"records": 3}, {"events": 3}, {"records": None}])
def test_a_forged_end_is_found(lines: Lines, new: Path, change: dict[str, object]) -> None:
    *records, end = unsealed(lines)
    with pytest.raises(ExportDamaged):
        import_journal(BytesIO(sealed([*records, {**end, **change}])), new)
    assert (new / "unfinished").exists()


LINEAGES: list[object] = [None, {}, {"id": 1, "restores": [{}]}, {"id": "a"}]


@pytest.mark.parametrize("lineage", LINEAGES)
def test_a_forged_head_is_found(lines: Lines, new: Path, lineage: object) -> None:
    head, *rest = unsealed(lines)
    with pytest.raises(ExportDamaged, match="line 1"):
        import_journal(BytesIO(sealed([{**head, "lineage": lineage}, *rest])), new)


# Destinations.


def test_a_journal_is_not_overwritten(old: Path, file: Path, new: Path, tmp_path: Path) -> None:
    import_journal(file, new)
    with pytest.raises(NotAJournal, match="is a journal already"):
        import_journal(file, new)
    with pytest.raises(NotAJournal, match="is a journal already"):
        import_journal(file, old)
    with pytest.raises(NotAJournal, match="holds something else"):
        import_journal(file, tmp_path)
    with pytest.raises(NotAJournal, match="is a file"):
        import_journal(file, file)
    with pytest.raises(NotAJournal, match="make the parent folder"):
        import_journal(file, tmp_path / "none" / "new.db")
    assert numbered(new) == numbered(old)


def test_a_full_disk_leaves_a_copy_that_goes_on(
    old: Path, file: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def full(*_: object) -> None:
            raise StorageFull("the disk is full")

        import_stopped(file, new, 40)
        patched.setattr(LmdbJournal, "append", full)
        with pytest.raises(StorageFull, match="run the same command again, which goes on"):
            import_journal(file, new)
    assert import_journal(file, new).resumed > 100
    assert numbered(new) == numbered(old)


# Interrupted.


def import_stopped(file: Path, new: Path, calls: int) -> int:
    """Import until it was asked so often whether to stop."""
    done = import_journal(file, new, stop=stopping(calls))
    assert not done.complete
    return done.records


@pytest.mark.parametrize("calls", [10, 37, 60, 75, 100])
def test_a_stopped_import_is_not_opened_and_goes_on(
    old: Path, file: Path, new: Path, calls: int
) -> None:
    import_stopped(file, new, calls)
    if new.exists():
        with pytest.raises(NotAJournal, match="unfinished copy"):
            Domain.open(new, deciders=[board])
    done = import_journal(file, new)
    assert (done.complete, done.records) == (True, 2_320)
    assert numbered(new) == numbered(old)
    Domain.open(new, deciders=[board]).close()


def test_another_file_does_not_go_on(file: Path, new: Path, tmp_path: Path) -> None:
    import_stopped(file, new, 60)
    other = tmp_path / "other.db"
    write(other)
    with pytest.raises(ImportFailed, match="it was another file; delete its folder"):
        import_journal(BytesIO(b"".join(exported(other))), new)


def test_a_shorter_file_does_not_go_on(old: Path, file: Path, new: Path, tmp_path: Path) -> None:
    import_stopped(file, new, 60)
    shorter = tmp_path / "shorter.db"
    migrate(old, shorter, same, stop=stopping(5))
    (shorter / "unfinished").unlink()
    with pytest.raises(ImportFailed, match="wrote more records than"):
        import_journal(BytesIO(b"".join(exported(shorter))), new)


def test_a_changed_record_is_found_by_verifying(
    file: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_every = LmdbJournal.read_every

    def changed(journal: LmdbJournal, after: int = 0) -> Iterator[Numbered]:
        for number, record in read_every(journal, after):
            yield Numbered(number, record._replace(time=record.time + (number == 1_700)))

    monkeypatch.setattr(LmdbJournal, "read_every", changed)
    with pytest.raises(ImportFailed, match=r"differs from .*: its record 1700, command 'b3-1680'"):
        import_journal(file, new)
    assert (new / "unfinished").exists()


def test_killed_at_any_moment_it_goes_on(old: Path, file: Path, new: Path) -> None:
    script = (
        "import sys; from comity.evolution import import_journal; "
        "print('begun', flush=True); import_journal(sys.argv[1], sys.argv[2])"
    )
    for seconds in (0.02, 0.1, 0.25):
        with subprocess.Popen(
            [sys.executable, "-c", script, file, new], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            threading.Event().wait(seconds)
            os.kill(process.pid, signal.SIGKILL)
    if not new.exists() or (new / "unfinished").exists():
        assert import_journal(file, new).complete
    assert numbered(new) == numbered(old)
