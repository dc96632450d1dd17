"""A journal on something else than a local disk says so when it opens, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.engine.errors import StorageFailed
from comity.engine.files import file_system
from comity.engine.files.file_system import (
    FileSystem,
    Kind,
    check_file_system,
    file_system_of,
    found_in,
)
from comity.engine.journal.lmdb_journal import LmdbJournal

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
31 22 0:26 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw
40 22 0:44 / /srv/a\\040-\\040b rw,relatime shared:9 master:2 - nfs4 box:/srv rw,vers=4.2
41 22 0:45 / /merged rw - overlay overlay rw,lowerdir=/l - x
"""


@pytest.mark.parametrize(
    ("told", "name", "kind"),
    [
        ("pos:\t0\nflags:\t0200000\nmnt_id:\t22\nino:\t2\n", "ext4", Kind.DISK),
        ("mnt_id:\t31\n", "tmpfs", Kind.MEMORY), ("mnt_id:\t40\n", "nfs4", Kind.NETWORK),
        ("mnt_id:\t41\n", "overlay", Kind.LAYER), ("mnt_id:\t4\n", "", Kind.DISK),
        ("pos:\t0\n", "", Kind.DISK),
    ],
    ids=["disk", "memory", "network", "layer", "gone", "untold"],
)  # fmt: skip
def test_a_folders_file_system_is_that_of_its_mount(told: str, name: str, kind: Kind) -> None:
    assert found_in(MOUNTS, told) == FileSystem(name, kind)


def test_mounts_that_no_system_writes_name_no_file_system() -> None:
    assert found_in(" - \n22\n22 - \n\n", "mnt_id:\t22\n") == FileSystem("", Kind.DISK)


def test_this_machine_tells(tmp_path: Path) -> None:
    shared_memory = Path("/dev/shm")  # noqa: S108 - only looked at
    if shared_memory.is_mount():
        assert file_system_of(shared_memory) == FileSystem("tmpfs", Kind.MEMORY)
    (tmp_path / "file").touch()
    assert file_system_of(tmp_path / "not" / "made") == file_system_of(tmp_path)
    assert file_system_of(tmp_path / "file").name == ""


def found(monkeypatch: pytest.MonkeyPatch, one: FileSystem) -> None:
    """Let every folder be on this file system."""

    def anywhere(folder: Path) -> FileSystem:
        return one

    monkeypatch.setattr(file_system, "file_system_of", anywhere)


@pytest.mark.parametrize("kind", [Kind.MEMORY, Kind.LAYER, Kind.NETWORK])
def test_it_is_said_that_data_are_not_on_a_disk(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found(monkeypatch, FileSystem("some", kind))
    check_file_system(tmp_path, shared=False)
    assert f"{tmp_path} is on some ({kind.value})" in caplog.text


def test_nothing_is_said_of_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found(monkeypatch, FileSystem("ext4", Kind.DISK))
    check_file_system(tmp_path, shared=True)
    assert not caplog.records


def test_no_processes_share_files_of_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, FileSystem("nfs4", Kind.NETWORK))
    with pytest.raises(StorageFailed, match=r"is on nfs4 .* exclusive=True"):
        check_file_system(tmp_path, shared=True)


def test_a_journal_is_not_made_where_processes_cannot_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "team.db"
    found(monkeypatch, FileSystem("nfs4", Kind.NETWORK))
    with pytest.raises(StorageFailed, match="exclusive=True"):
        LmdbJournal.open(path)
    assert not path.exists()
    LmdbJournal.open(path, exclusive=True).close()
    assert f"{path} is on nfs4" in caplog.text
    caplog.clear()
    LmdbJournal.open(path, read_only=True).close()
    assert not caplog.records
