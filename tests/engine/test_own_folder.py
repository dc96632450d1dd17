"""A folder of comity's own: which names, links and files in it count, and what is left alone."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from comity.engine.files import own_folder
from comity.engine.files.own_folder import (
    NotOurs,
    OwnFolder,
    check_plain,
    open_file,
    read_file,
    write_file,
)

ITEM = re.compile("i[0-9]")
OURS = re.compile("(current|gone)(-[0-9a-f]{8})?|i[0-9]|data")


@pytest.fixture
def folder(tmp_path: Path) -> OwnFolder:
    folder = OwnFolder(tmp_path / "own", OURS)
    folder.make(0o750)
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody else, beside it."""
    outside = tmp_path / "i9"
    outside.mkdir()
    (outside / "data").write_text("kept")
    return outside


# --- names and links ------------------------------------------------------------------------------


def test_names_of_other_forms_do_not_count(folder: OwnFolder) -> None:
    for name in ("i1", "i2 ", "i12", "I3", "i٣", "x"):
        (folder.path / name).mkdir()
    (folder.path / "i4").write_text("a file")
    (folder.path / "i5").symlink_to("i1")
    assert sorted(folder.names(ITEM)) == ["i1", "i4", "i5"]
    assert folder.folders(ITEM) == ["i1"]


@pytest.mark.parametrize(
    "target", ["/", "..", ".", "current", "../i9", "i2", "i3", "i1/", "./i1", "", "i1/../i1"]
)
def test_a_link_counts_only_where_it_leads_to_a_real_folder_beside_it(
    folder: OwnFolder, outside: Path, target: str
) -> None:
    (folder.path / "i1").mkdir()
    (folder.path / "i2").symlink_to("i1")
    (folder.path / "i3").write_text("a file")
    (folder.path / "current").symlink_to(target or str(outside))
    assert folder.linked("current", ITEM) is None
    folder.link("current", "i1")
    assert folder.linked("current", ITEM) == "i1"


def test_a_link_that_is_not_there_or_leads_to_nothing_is_an_error(folder: OwnFolder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.linked("current", ITEM)
    (folder.path / "current").symlink_to("i4")
    with pytest.raises(FileNotFoundError):
        folder.linked("current", ITEM)


def test_nothing_counts_in_a_folder_that_is_a_link(folder: OwnFolder) -> None:
    (folder.path / "i1").mkdir()
    folder.link("current", "i1")
    folder.path.rename(folder.path.with_name("moved"))
    folder.path.symlink_to("moved")
    assert folder.linked("current", ITEM) is None
    assert folder.names(ITEM) == []
    with pytest.raises(NotOurs, match="is a link, where comity has a folder"):
        folder.make(0o750)
    with pytest.raises(OSError, match="own"):
        folder.remove("i1", "gone")
    assert (folder.path / "i1").is_dir()


@pytest.mark.parametrize("kind", ["folder", "file", "fifo"])
def test_what_stands_where_a_link_belongs_is_moved_and_kept(folder: OwnFolder, kind: str) -> None:
    there = folder.path / "current"
    match kind:
        case "folder":
            there.mkdir()
            (there / "notes").touch()
        case "file":
            there.touch()
        case _:
            os.mkfifo(there)
    (folder.path / "i1").mkdir()
    inode = there.stat().st_ino
    moved = folder.link("current", "i1")
    assert moved is not None
    assert moved.startswith("strange-")
    assert (folder.path / moved).stat().st_ino == inode
    assert folder.linked("current", ITEM) == "i1"
    assert folder.link("current", "i1") is None


def test_only_a_link_is_unlinked(folder: OwnFolder) -> None:
    (folder.path / "current").mkdir()
    folder.unlink("current")
    assert (folder.path / "current").is_dir()
    (folder.path / "i1").symlink_to("current")
    folder.unlink("i1")
    folder.unlink("i1")
    assert [each.name for each in folder.path.iterdir()] == ["current"]


# --- removing and moving --------------------------------------------------------------------------


def test_what_comity_made_is_removed(folder: OwnFolder) -> None:
    (folder.path / "i1" / "i2").mkdir(parents=True)
    (folder.path / "i1" / "i2" / "data").touch()
    (folder.path / "i1" / "current").symlink_to("i2")
    assert folder.remove("i1", "gone")
    assert list(folder.path.iterdir()) == []


def test_what_a_stranger_has_put_there_stays(folder: OwnFolder, outside: Path) -> None:
    (folder.path / "i1" / "i2").mkdir(parents=True)
    (folder.path / "i1" / "i2" / "notes").write_text("kept")
    (folder.path / "i1" / "i3").symlink_to(outside)
    (folder.path / "i1" / "data").touch()
    assert not folder.remove("i1", "gone")
    assert [each.name for each in folder.path.rglob("*")] == ["gone", "i2", "notes"]
    assert (outside / "data").read_text() == "kept"


def test_folders_in_folders_without_end_stay(folder: OwnFolder) -> None:
    deep = folder.path / "/".join(["i1"] * 300)
    deep.mkdir(parents=True)
    assert not folder.remove("i1", "gone")
    assert len(list(folder.path.rglob("i1"))) == 299


@pytest.mark.parametrize("name", ["../i9", "i9", "/", "..", "", "mine"])
def test_what_is_no_real_child_is_not_removed(folder: OwnFolder, outside: Path, name: str) -> None:
    (folder.path / "i9").symlink_to(outside)
    (folder.path / "mine").mkdir()
    with pytest.raises(NotOurs):
        folder.remove(name, "gone")
    assert (outside / "data").read_text() == "kept"
    assert sorted(each.name for each in folder.path.iterdir()) == ["i9", "mine"]


def test_only_a_real_folder_is_taken(folder: OwnFolder, outside: Path) -> None:
    link = outside.with_name("link")
    link.symlink_to(outside)
    for wrong, name in ((link, "i1"), (outside / "data", "i1"), (outside, "../i1")):
        with pytest.raises(NotOurs):
            folder.take(wrong, name)
    assert folder.take(outside, "i1") == folder.path / "i1"
    assert (folder.path / "i1" / "data").read_text() == "kept"


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_written_in_one_step_and_read_up_to_its_bound(tmp_path: Path) -> None:
    write_file(tmp_path / "mark", b"first")
    write_file(tmp_path / "mark", b"second")
    assert read_file(tmp_path / "mark", 100) == b"second"
    assert read_file(tmp_path / "mark", 3) == b"sec"
    assert [each.name for each in tmp_path.iterdir()] == ["mark"]
    assert stat.S_IMODE((tmp_path / "mark").stat().st_mode) & 0o007 == 0


def test_writing_changes_nothing_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "mark").symlink_to("kept")
    write_file(tmp_path / "mark", b"new")
    assert (tmp_path / "kept").read_text() == "kept"
    assert read_file(tmp_path / "mark", 100) == b"new"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_file(tmp_path / "folder", b"new")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "kept", "mark"]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT])
@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder"])
def test_only_a_plain_file_is_opened(tmp_path: Path, kind: str, flags: int) -> None:
    file = tmp_path / "file"
    match kind:
        case "link":
            (tmp_path / "kept").touch()
            file.symlink_to("kept")
        case "dangling link":
            file.symlink_to("nothing")
        case "fifo":
            os.mkfifo(file)
        case _:
            file.mkdir()
    with pytest.raises(NotOurs, match="move it away"):
        open_file(file, flags)
    assert not (tmp_path / "nothing").exists()


def test_a_device_is_not_even_opened() -> None:
    with pytest.raises(NotOurs, match="is a device"):
        open_file(Path("/dev/null"), os.O_RDONLY)


def test_a_fifo_that_comes_this_moment_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finds_nothing(file: Path, *, write: bool) -> None:
        os.mkfifo(file)

    monkeypatch.setattr(own_folder, "check_plain", finds_nothing)
    with pytest.raises(NotOurs, match="is a fifo"):
        open_file(tmp_path / "file", os.O_RDONLY)


def test_a_file_of_two_names_is_read_but_not_written(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    check_plain(tmp_path / "one", write=False)
    with pytest.raises(NotOurs, match="put a copy in its place"):
        check_plain(tmp_path / "one", write=True)
    check_plain(tmp_path / "nothing", write=True)
