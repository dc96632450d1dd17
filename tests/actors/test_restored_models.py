"""Read models beside a restored journal: what a restore has cut off is in none of their rows."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import Pages
from tests.support.restored import back_up, restore

from comity.actors import Domain
from comity.engine import JournalDamaged, NotReady
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.readmodels.generations.model_folder import ModelFolder
from comity.readmodels.generations.reader import Reader

Lines = pytest.LogCaptureFixture


class Shop:
    """A domain with a model in a folder of its own, whose journal can be lost and restored."""

    def __init__(self, folder: Path) -> None:
        self.path, self.models = folder / "db", folder / "models"
        self._folder = folder
        self._lost = 0

    @contextmanager
    def opened(self) -> Generator[Domain]:
        with Domain.open(
            self.path, deciders=[notebook], read_models=[Pages], models=self.models
        ) as domain:
            yield domain

    def stamp(self, times: int) -> int:
        """Stamp a page, and return the stamps that the model then shows."""
        with self.opened() as domain:
            receipt = None
            for _ in range(times):
                receipt = domain.aggregate(notebook, "a").do(Stamp(page="p1", stamps=1))
            return shown(domain, 0 if receipt is None else receipt.position)

    def back_up(self) -> Path:
        return back_up(self.path, self._folder / f"backup-{self._lost}")

    def lose_and_restore(self, backup: Path) -> None:
        self._lost += 1
        self.path.rename(self._folder / f"lost-{self._lost}")
        restore(backup, self.path)

    @property
    def branch(self) -> str:
        return Reader(Pages, ModelFolder(self.models / "Pages")).checkpoint().branch


def shown(domain: Domain, position: int) -> int:
    with domain.read(Pages, after=position, timeout=10.0) as pages:
        return pages.rows["a", "p1"].stamps


def told(lines: Lines) -> list[str]:
    return [line for line in lines.messages if "is rebuilt" in line]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def lines(caplog: Lines) -> Lines:
    caplog.set_level(logging.WARNING, "comity")
    return caplog


@pytest.mark.parametrize("since", [0, 2, 5, 9])
def test_a_model_that_is_beyond_the_backup_is_rebuilt_and_says_so_once(
    shop: Shop, lines: Lines, since: int
) -> None:
    """Also if the restored journal has grown past its position by then."""
    shop.stamp(4)
    backup = shop.back_up()
    assert shop.stamp(5) == 9
    shop.lose_and_restore(backup)
    with_no_model(shop.path, since)
    assert shop.stamp(0) == 4 + since
    (line,) = told(lines)
    assert "has taken position 9" in line
    assert "lacks the 5 events after it" in line
    assert shop.stamp(1) == 5 + since
    assert len(told(lines)) == 1


def with_no_model(path: Path, times: int) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        for _ in range(times):
            domain.aggregate(notebook, "a").do(Stamp(page="p1", stamps=1))


def test_a_model_that_is_not_beyond_the_backup_goes_on(shop: Shop, lines: Lines) -> None:
    shop.stamp(4)
    shop.lose_and_restore(shop.back_up())
    assert shop.stamp(3) == 7
    assert not told(lines)


def test_each_restore_counts(shop: Shop, lines: Lines) -> None:
    """The model goes on after the first one, and is beyond the second one."""
    shop.stamp(4)
    backup = shop.back_up()
    shop.lose_and_restore(backup)
    shop.stamp(3)
    shop.lose_and_restore(backup)
    assert shop.stamp(1) == 5
    assert len(told(lines)) == 1


def test_the_model_of_a_restored_copy_is_rebuilt_beside_the_original(
    shop: Shop, lines: Lines
) -> None:
    """Nobody needs to delete it after trying a backup."""
    shop.stamp(4)
    original = shop.back_up()
    shop.lose_and_restore(original)
    shop.stamp(3)
    shop.path.rename(shop.path.with_name("tried"))
    copytree(original, shop.path)
    assert shop.stamp(1) == 5
    assert "of another journal, or of another restored copy" in told(lines)[0]


def test_a_model_is_kept_with_the_branch_only_if_there_was_a_restore(shop: Shop) -> None:
    """Its tables are as they were before there were restores."""
    shop.stamp(4)
    assert shop.branch == ""
    shop.lose_and_restore(shop.back_up())
    shop.stamp(1)
    journal = LmdbJournal.open(shop.path, read_only=True)
    assert shop.branch == journal.lineage().branch
    journal.close()


def test_a_rebuild_that_had_begun_is_begun_again(shop: Shop, lines: Lines) -> None:
    shop.stamp(4)
    backup = shop.back_up()
    with shop.opened() as domain:
        for _ in range(5):
            domain.aggregate(notebook, "a").do(Stamp(page="p1", stamps=1))
        domain.model(Pages).rebuild(lambda _: domain.model(Pages).pause())
    shop.lose_and_restore(backup)
    assert shop.stamp(2) == 6
    assert told(lines)


def test_without_a_restore_a_model_ahead_of_its_journal_means_lost_data(shop: Shop) -> None:
    """The files of an older copy stand where the journal was: no restore has told so."""
    shop.stamp(4)
    backup = shop.back_up()
    shop.stamp(5)
    shop.path.rename(shop.path.with_name("lost"))
    copytree(backup, shop.path)
    with pytest.raises(JournalDamaged, match="events that were durable are missing"):
        shop.stamp(0)


def nothing(_lineage: Lineage, _branch: str) -> Sequence[Branch]:
    return ()


@pytest.mark.parametrize("since", [2, 9])
def test_a_planted_fault_is_noticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, since: int
) -> None:
    """If branches are not compared, the domain does not open, or shows what is not there."""
    shop.stamp(4)
    backup = shop.back_up()
    shop.stamp(5)
    shop.lose_and_restore(backup)
    with_no_model(shop.path, since)
    monkeypatch.setattr(Lineage, "since", nothing)
    with pytest.raises(JournalDamaged):
        shop.stamp(0)


def test_a_standby_reads_nothing_that_is_lost_and_takes_over(shop: Shop, lines: Lines) -> None:
    """The leader has ended before it could begin to rebuild the model."""
    shop.stamp(4)
    backup = shop.back_up()
    shop.stamp(5)
    shop.lose_and_restore(backup)
    lease = ModelFolder(shop.models / "Pages").lease()
    assert lease is not None
    with shop.opened() as domain:
        assert domain.model(Pages).status().led_by
        with pytest.raises(NotReady):
            domain.read(Pages, timeout=0.1)
        receipt = domain.aggregate(notebook, "a").do(Stamp(page="p1", stamps=1))
        lease.release()
        assert shown(domain, receipt.position) == 5
    assert told(lines)
