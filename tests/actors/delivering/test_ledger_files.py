"""A ledger on the disk: it survives, is never begun anew by itself, and damage is said."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, rmtree

import pytest
from tests.actors.delivering.posts import Posts
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until

from comity.actors import Domain, OutletStatus
from comity.engine import OutletError, WiringError
from comity.engine.journal.memory_journal import MemoryJournal

Opened = Callable[..., Domain]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens domains at one path, and closes them after the test."""
    domains: list[Domain] = []

    def open_one(*outlets: Posts, path: Path = tmp_path / "db") -> Domain:
        domains.append(Domain.open(path, deciders=[notebook], outlets=outlets))
        return domains[-1]

    yield open_one
    for domain in domains:
        domain.close()


def stamp(domain: Domain, *keys: str) -> None:
    for key in keys:
        domain.aggregate(notebook, key).do(Stamp(page="p1", stamps=1))


def status(domain: Domain) -> OutletStatus:
    (one,) = domain.outlets()
    return one


def deliver(domain: Domain, *keys: str) -> None:
    """Let something happen, and wait until it is delivered."""
    before = status(domain).delivered
    stamp(domain, *keys)
    assert until(lambda: status(domain).delivered == before + len(keys)), status(domain)


def test_what_is_delivered_stays_so_over_a_restart(opened: Opened) -> None:
    posts = Posts()
    domain = opened(posts)
    deliver(domain, "a", "b", "a")
    domain.close()
    again = opened(posts)
    deliver(again, "a")
    assert posts.seen == [("a", 1), ("b", 1), ("a", 2), ("a", 3)] or posts.of("a") == [1, 2, 3]
    assert len(posts.seen) == 4
    assert status(again).delivered == 4


def test_what_is_parked_stays_so_over_a_restart(opened: Opened) -> None:
    class Hasty(Posts):
        back_off = (0.001, 0.002)

    posts = Hasty()
    posts.fails = lambda at: at.aggregate.key == "bad"
    domain = opened(posts)
    stamp(domain, "bad", "good", "bad")
    assert until(lambda: status(domain).parked == 2)
    domain.close()
    again = opened(posts)
    parked = again.outlet(posts).parked()
    assert [(one.key, one.version, one.tries) for one in parked] == [
        ("notebook/bad", 1, 3), ("notebook/bad", 2, 0),
    ]  # fmt: skip
    posts.fails = lambda _: False
    assert again.outlet(posts).try_again() == 2
    assert until(lambda: posts.of("bad") == [1, 2])


def test_only_its_owner_reads_a_ledger(opened: Opened, tmp_path: Path) -> None:
    opened(Posts()).close()
    folder = tmp_path / "db" / "outlets" / "Posts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    files = ["data.mdb", "lock.mdb", "mark", "writer.lock", "writer.lock-1"]
    assert modes == dict.fromkeys(files, 0o600)


def test_ledgers_may_be_in_another_folder(tmp_path: Path) -> None:
    with Domain.open(
        tmp_path / "db", deciders=[notebook], outlets=[Posts()], ledgers=tmp_path / "elsewhere"
    ):
        assert (tmp_path / "elsewhere" / "Posts" / "data.mdb").exists()


def test_a_journal_without_a_folder_needs_one_for_its_ledgers() -> None:
    class Own:
        """A journal of somebody's own, around one in memory."""

        def __init__(self) -> None:
            self._inner = MemoryJournal()

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

    with pytest.raises(WiringError, match="pass ledgers="):
        Domain(Own(), deciders=[notebook], outlets=[Posts()])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - it has all methods


def damage(folder: Path) -> None:
    file = folder / "data.mdb"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    file.write_bytes(data)


def lose(folder: Path) -> None:
    (folder / "data.mdb").unlink()


def truncate(folder: Path) -> None:
    (folder / "data.mdb").write_bytes(b"")


@pytest.mark.parametrize("harm", [damage, lose, truncate])
def test_a_damaged_ledger_stops_its_outlet_and_nothing_else(
    opened: Opened, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    posts = Posts()
    domain = opened(posts)
    deliver(domain, "a")
    domain.close()
    harm(tmp_path / "db" / "outlets" / "Posts")
    again = opened(posts)
    stamp(again, "a")
    assert status(again).state == "stopped"
    assert "move it away, and say in `start`" in status(again).error
    assert posts.of("a") == [1]
    with pytest.raises(OutletError, match="does not deliver here"):
        again.outlet(posts).parked()


def test_an_outlet_whose_ledger_was_moved_away_begins_where_its_class_says(
    opened: Opened, tmp_path: Path
) -> None:
    posts = Posts()
    domain = opened(posts)
    deliver(domain, "a")
    domain.close()
    folder = tmp_path / "db" / "outlets" / "Posts"
    damage(folder)
    again = opened(posts)
    rmtree(folder)
    again.outlet(posts).resume()
    assert until(lambda: posts.of("a") == [1, 1])
    assert len({*posts.ids}) == 1


def test_an_older_backup_of_the_journal_stops_the_outlet(opened: Opened, tmp_path: Path) -> None:
    posts = Posts()
    domain = opened(posts)
    deliver(domain, "a")
    domain.close()
    copytree(tmp_path / "db", tmp_path / "backup")
    domain = opened(posts)
    deliver(domain, "a", "a")
    domain.close()
    rmtree(tmp_path / "backup" / "outlets")
    copytree(tmp_path / "db" / "outlets", tmp_path / "backup" / "outlets")
    restored = opened(posts, path=tmp_path / "backup")
    assert status(restored).state == "stopped"
    assert "the journal ends at 1" in status(restored).error
    stamp(restored, "a", "a", "a")
    restored.outlet(posts).resume()
    assert "has another event there" in status(restored).error
    assert posts.of("a") == [1, 2, 3]


def test_something_else_at_its_place_is_refused_and_left(opened: Opened, tmp_path: Path) -> None:
    opened().close()
    (tmp_path / "db" / "outlets").mkdir()
    (tmp_path / "db" / "outlets" / "Posts").write_text("mine")
    domain = opened(Posts())
    assert status(domain).state == "stopped"
    assert (tmp_path / "db" / "outlets" / "Posts").read_text() == "mine"
