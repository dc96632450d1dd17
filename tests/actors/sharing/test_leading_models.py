"""One of several processes leads a model; others read it, and take over when it ends or hangs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.actors.notebook import notebook
from tests.actors.sharing.far import Far, opened, rebuild
from tests.actors.sharing.versions import SumRow, Sums
from tests.actors.shelf import TORN, ParkedPages, stamp, until

from comity.actors import Domain
from comity.actors.reading.watch import Watch
from comity.engine import LedElsewhere, ModelInUse
from comity.engine.sharing import lease_watch
from comity.readmodels.generations.model_folder import ModelFolder


@pytest.fixture(autouse=True)
def _busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is very busy, no leader is to be taken for one that hangs."""
    monkeypatch.setattr(lease_watch, "HANGS", 60.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def leader(path: Path) -> Iterator[Far]:
    """Another process, which leads."""
    with Far(path, "Sums") as far:
        far.stamp("a", "p", 1)
        yield far


@pytest.fixture
def standby(leader: Far, path: Path) -> Iterator[Domain]:
    """This process, which stands by."""
    with opened(path, "Sums") as domain:
        assert str(leader.pid) in domain.model(Sums).status().led_by
        yield domain


def sums(domain: Domain, after: int) -> Mapping[str, int]:
    with domain.read(Sums, after=after, timeout=60) as read:
        return {row.book: row.stamps for row in read.rows.all()}


def leads(domain: Domain) -> bool:
    return domain.model(Sums).status().led_by == ""


# --- reading --------------------------------------------------------------------------------------


def test_each_process_reads_what_each_has_written(leader: Far, standby: Domain) -> None:
    assert sums(standby, leader.stamp("a", "p", 2)) == {"a": 3}
    assert leader.rows("Sums", stamp(standby, "b", "p", 1)) == [
        {"book": "a", "stamps": 3},
        {"book": "b", "stamps": 1},
    ]


def test_a_standby_tells_how_the_model_stands_and_who_leads_it(
    leader: Far, standby: Domain
) -> None:
    end = leader.stamp("a", "p", 1)
    sums(standby, end)
    status = standby.model(Sums).status()
    assert (status.state, status.position, status.rows) == ("following", end, {"rows": 1})
    assert f"process {leader.pid} " in status.led_by


def test_what_only_the_leader_can_do_is_answered_with_its_name(
    leader: Far, standby: Domain
) -> None:
    model, book = standby.model(Sums), standby.aggregate(notebook, "a").id
    for ask in (
        model.rebuild, model.pause, model.resume, model.replay, lambda: model.drop(book),
    ):  # fmt: skip
        with pytest.raises(LedElsewhere, match=f"process {leader.pid} "):
            ask()


def test_a_standby_sees_what_is_parked(path: Path) -> None:
    with Far(path, "Parking") as leader, opened(path, "Parking") as standby:
        end = leader.write("b", "p", TORN)
        assert until(lambda: standby.model(ParkedPages).status().parked == 1)
        assert [one.position for one in standby.model(ParkedPages).parked()] == [end]


def test_a_model_of_another_journal_is_not_read(
    leader: Far, standby: Domain, path: Path, tmp_path: Path
) -> None:
    sums(standby, leader.stamp("a", "p", 1))
    standby.close()
    with pytest.raises(ModelInUse, match="another journal"):
        opened(tmp_path / "other", "Sums", folder=path / "models")


# --- taking over ----------------------------------------------------------------------------------


def test_when_the_leader_closes_a_watch_goes_on(leader: Far, standby: Domain) -> None:
    with standby.watch(Sums.rows.all()) as watch:
        first = watch.next(timeout=60)
        assert first is not None
        assert (first.kind, first.row) == ("present", SumRow(book="a", stamps=1))
        leader.stamp("a", "p", 1)
        assert put(watch) == SumRow(book="a", stamps=2)
        leader.close()
        assert until(lambda: leads(standby))
        stamp(standby, "a", "p", 1)
        assert put(watch) == SumRow(book="a", stamps=3)


def test_when_the_leader_is_killed_who_waits_is_answered(leader: Far, standby: Domain) -> None:
    waiting = standby.reached(Sums, standby.statistics().position + 1, timeout=60)
    leader.kill()
    stamp(standby, "b", "p", 1)
    assert waiting.result(60)
    assert leads(standby)
    standby.model(Sums).rebuild()
    assert until(lambda: standby.model(Sums).status().rebuilt is None)
    assert sums(standby, 0) == {"a": 1, "b": 1}


def test_a_process_that_hung_reads_what_its_successor_has_written(
    leader: Far, standby: Domain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_watch, "HANGS", 0.6)
    before = ModelFolder(path / "models" / "Sums").current()
    leader.stop()
    end = stamp(standby, "b", "p", 1)
    assert sums(standby, end) == {"a": 1, "b": 1}
    assert leads(standby)
    assert ModelFolder(path / "models" / "Sums").current() != before
    leader.go_on()
    assert until(lambda: leader.status("Sums")[1] != "")
    assert leader.rows("Sums", stamp(standby, "b", "p", 1)) == [
        {"book": "a", "stamps": 1},
        {"book": "b", "stamps": 2},
    ]


def test_a_rebuild_that_its_leader_has_not_finished_is_finished(
    leader: Far, standby: Domain, path: Path
) -> None:
    leader.rebuild_half("Sums")
    leader.kill()
    end = stamp(standby, "b", "p", 1)
    assert sums(standby, end) == {"a": 1, "b": 1}
    folder = ModelFolder(path / "models" / "Sums")
    assert until(lambda: folder.generations() == [folder.current()])


def test_tables_that_a_standby_finds_damaged_are_built_anew_by_the_leader(
    leader: Far, standby: Domain, path: Path
) -> None:
    environment = standby.model(Sums).access.reader.environment()
    assert environment is not None
    environment.note_damage()
    assert until(lambda: ModelFolder(path / "models" / "Sums").current() != environment.path)
    assert sums(standby, leader.stamp("b", "p", 1)) == {"a": 1, "b": 1}


def test_a_model_whose_folder_is_deleted_is_built_anew(
    leader: Far, standby: Domain, path: Path, tmp_path: Path
) -> None:
    gone = (path / "models" / "Sums").rename(tmp_path / "gone")  # the leader goes on meanwhile
    shutil.rmtree(gone)
    assert until(lambda: ModelFolder(path / "models" / "Sums").current() is not None)
    assert sums(standby, stamp(standby, "b", "p", 1)) == {"a": 1, "b": 1}


def test_a_generation_that_was_built_outside_is_taken_by_the_leader(
    leader: Far, standby: Domain, path: Path
) -> None:
    before = ModelFolder(path / "models" / "Sums").current()
    rebuild(path, "Sums")
    assert ModelFolder(path / "models" / "Sums").current() != before
    assert sums(standby, leader.stamp("a", "p", 1)) == {"a": 2}


def put(watch: Watch[SumRow]) -> SumRow | None:
    """The row of the next change."""
    update = watch.next(timeout=60)
    assert update is not None
    assert update.kind == "put"
    return update.row
