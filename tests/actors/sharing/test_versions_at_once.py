"""Programs of two versions have one model: each has its own tables, until the older one leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.actors.sharing.far import Far, opened, rebuild
from tests.actors.sharing.versions import VERSIONS, Colour, Sums, newer_notebook
from tests.actors.shelf import stamp, until

from comity.actors import Domain, ReadModels
from comity.actors.projecting import candidate
from comity.readmodels.generations.model_folder import ModelFolder
from comity.readmodels.generations.versions import Versions


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate, "SWEEP", 0.5)


def versions(path: Path) -> Versions:
    return Versions(ModelFolder(path / "models" / "Sums"))


def stamps(domain: Domain | ReadModels, version: str, after: int) -> int:
    with domain.read(VERSIONS[version], after=after, timeout=60) as read:
        (table,) = read.schema.tables
        return sum(row.stamps for row in getattr(read, table.name).all())


def answers(domain: Domain, version: str) -> bool:
    return domain.model(VERSIONS[version]).status().state == "following"


@pytest.mark.parametrize("newer", ["IndexedSums", "LongerSums"])
def test_both_versions_are_kept_up_to_date_until_the_older_one_leaves(
    path: Path, newer: str
) -> None:
    with Far(path, "Sums") as old:
        end = old.stamp("a", "p", 1)
        with opened(path, newer) as new:
            assert stamps(new, newer, end) == 1
            assert until(lambda: answers(new, newer))
            end = stamp(new, "a", "p", 1)
            assert old.rows("Sums", end) == [{"book": "a", "stamps": 2}]
            assert stamps(new, newer, end) == 2
            assert len(versions(path).others()) == 1
            old.close()
            assert until(lambda: not versions(path).others()), "the newer one has moved"
            assert versions(path).led() == VERSIONS[newer].schema.hash
            assert stamps(new, newer, stamp(new, "a", "p", 1)) == 3


def test_a_reader_reads_the_tables_of_its_own_version(path: Path) -> None:
    with Far(path, "LongerSums") as first, Far(path, "Sums") as second:
        second.rows("Sums", first.stamp("a", "p", 1))
        with ReadModels.open(path, [Sums]) as models:
            assert stamps(models, "Sums", second.stamp("a", "p", 1)) == 2


def test_what_a_version_has_left_behind_is_removed(path: Path) -> None:
    with opened(path, "Sums") as first:
        end = stamp(first, "a", "p", 1)
        with Far(path, "LongerSums") as other:
            other.rows("LongerSums", end)
            assert len(versions(path).others()) == 1
            other.kill()
        assert until(lambda: not versions(path).others())
        assert stamps(first, "Sums", stamp(first, "a", "p", 1)) == 2


def test_comity_rebuild_gives_its_generation_to_the_leader_of_its_version(path: Path) -> None:
    with Far(path, "Sums") as first, opened(path, "LongerSums") as second:
        stamps(second, "LongerSums", first.stamp("a", "p", 1))
        assert until(lambda: answers(second, "LongerSums"))
        before = versions(path).others()[0].current()
        rebuild(path, "LongerSums")
        assert versions(path).others()[0].current() != before
        assert stamps(second, "LongerSums", stamp(second, "a", "p", 1)) == 2


def test_a_leader_that_cannot_read_a_newer_event_leaves_the_model_to_another(path: Path) -> None:
    with Far(path, "Sums") as old, opened(path, "Sums", decider=newer_notebook) as new:
        assert until(lambda: str(old.pid) in new.model(Sums).status().led_by)
        receipt = new.aggregate(newer_notebook, "a").do(Colour(colour="red"))
        with new.read(Sums, after=receipt, timeout=60) as read:
            assert read.position == receipt.position
        assert new.model(Sums).status().led_by == ""
        assert until(lambda: str(os.getpid()) in old.status("Sums")[1])
