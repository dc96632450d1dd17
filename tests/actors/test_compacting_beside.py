"""Compacting what belongs to a domain: its journal while it works, its models and its ledgers."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import LIMIT, NotebookEvent, PageFull, Write, Written, notebook

from comity.actors import Domain
from comity.actors.delivering.compacting import compact_ledger, room_of_ledger
from comity.actors.delivering.forms import Origin, Progress
from comity.actors.delivering.lmdb_tables import LOCK, LmdbTables, make_ledger
from comity.actors.operating import compacting as operating
from comity.actors.operating.compacting import beside
from comity.actors.projecting import chores
from comity.engine import Recorded, WiringError
from comity.engine.errors import Closed, OutletInUse, ReadModelError, StorageFailed
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.window import Window
from comity.engine.lmdb.environment import Room
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.program import this_program
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.generations import compacting
from comity.readmodels.generations.compacting import compact_model, room_of
from comity.readmodels.generations.model_folder import ModelFolder


class Sheet(Row):
    page: str
    text: str


class Sheets(ReadModel[NotebookEvent]):
    """The pages that are not empty."""

    rows = Table(Sheet, key=lambda row: row.page)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        if isinstance(event, Written) and event.text:
            self.rows.put(Sheet(page=event.page, text=event.text))
        elif isinstance(event, Written):
            self.rows.delete(event.page)


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy pays from 64 kB on."""
    for module in (compacting, chores, operating):
        monkeypatch.setattr(module, "SAVED", 1 << 16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


@pytest.fixture
def domain(path: Path) -> Iterator[Domain]:
    """A domain whose model has removed nearly all of its rows."""
    with Domain.open(path, deciders=[notebook], read_models=[Sheets]) as domain:
        book = domain.aggregate(notebook, "b1")
        for text in ("x" * 900, ""):
            for sent in [book.send(Write(page=f"p{each}", text=text)) for each in range(400)]:
                sent.result()
        last = book.do(Write(page="last", text="stays"))
        domain.reached(Sheets, last, timeout=60).result(60)
        yield domain


def pages_of(domain: Domain) -> list[str]:
    with domain.read(Sheets) as sheets:
        return [row.page for row in sheets.rows.all()]


def room(path: Path) -> Room:
    found = room_of(ModelFolder(path / "models" / "Sheets"))
    assert found is not None
    return found


# --- models ---------------------------------------------------------------------------------------


def test_the_leader_of_a_model_makes_a_compact_copy_when_it_is_asked(
    domain: Domain, path: Path
) -> None:
    folder = ModelFolder(path / "models" / "Sheets")
    before = folder.current()
    assert before is not None
    size = (before / "data.mdb").stat().st_size
    compact_model(folder)
    after = folder.current()
    assert after is not None
    assert after != before
    assert (after / "data.mdb").stat().st_size < size * 0.6  # the log of changes stays
    assert pages_of(domain) == ["last"]
    receipt = domain.aggregate(notebook, "b1").do(Write(page="more", text="goes on"))
    domain.reached(Sheets, receipt, timeout=60).result(60)
    assert pages_of(domain) == ["last", "more"]
    assert not folder.is_asked()


def test_a_model_that_nobody_leads_is_copied_by_whoever_compacts_it(
    domain: Domain, path: Path
) -> None:
    domain.close()
    before = room(path)
    compact_model(ModelFolder(path / "models" / "Sheets"))
    assert room(path).size < before.size * 0.6  # the log of changes stays
    with Domain.open(path, deciders=[notebook], read_models=[Sheets]) as again:
        status = again.models()[0]
        assert (status.state, pages_of(again)) == ("following", ["last"])


def test_a_model_whose_file_is_full_is_left_as_it_is(domain: Domain, path: Path) -> None:
    domain.close()
    folder = ModelFolder(path / "models" / "Sheets")
    compact_model(folder)
    current = folder.current()
    compact_model(folder)
    assert folder.current() == current


def test_a_leader_that_makes_no_copy_is_told_of(domain: Domain, path: Path) -> None:
    domain.close()
    folder = ModelFolder(path / "models" / "Sheets")
    lease = folder.lease()
    assert isinstance(lease, Lease)
    with pytest.raises(ReadModelError, match="has made no compact copy"):
        compact_model(folder, patience=0.1)
    assert not folder.is_asked()
    lease.release()


def test_the_old_tables_answer_if_the_copy_fails(
    domain: Domain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain.close()
    folder = ModelFolder(path / "models" / "Sheets")
    before = folder.current()

    def fail(*_: object) -> None:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(compacting, "put_away", fail)
    with pytest.raises(StorageFailed, match="full"):
        compact_model(folder)
    assert folder.current() == before
    assert folder.generations() == [before]


# --- ledgers --------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger from which nearly all rows were deleted."""
    path = tmp_path / "outlets" / "Mails"
    make_ledger(path, lambda: (Origin(1, "Mails", "now", 0, 0), Progress()))
    tables = LmdbTables(path)
    keys = [b"%06d" % number for number in range(2_000)]
    tables.write({"lanes": dict.fromkeys(keys, b"x" * 200)})
    tables.write({"lanes": dict.fromkeys(keys[1:])})
    tables.close()
    return path


def test_a_ledger_becomes_smaller_while_nobody_delivers(ledger: Path) -> None:
    before = room_of_ledger(ledger)
    shrunk = compact_ledger(ledger)
    assert shrunk.before == before.size > 4 * shrunk.after
    tables = LmdbTables(ledger)
    assert tables.rows("lanes", b"", b"", 9) == [(b"000000", b"x" * 200)]
    assert tables.get("meta", b"origin") is not None
    tables.close()


def test_a_ledger_stays_as_it_is_while_somebody_delivers(ledger: Path) -> None:
    size = room_of_ledger(ledger).size
    lease = Lease.take(ledger / LOCK, this_program())
    assert lease is not None
    with pytest.raises(OutletInUse):
        compact_ledger(ledger)
    lease.release()
    assert room_of_ledger(ledger).size == size


def test_all_files_beside_a_journal_are_listed(domain: Domain, path: Path, ledger: Path) -> None:
    domain.close()
    (path / "models" / "Broken").mkdir()
    (path / "models" / "Broken" / "current").symlink_to("g000001")
    found = beside(path, ledgers=ledger.parent)
    assert [(one.kind.value, one.name, one.pays) for one in found] == [
        ("model", "Broken", False), ("model", "Sheets", True), ("outlet", "Mails", True),
    ]  # fmt: skip
    for one in found:
        if one.pays:
            after = one.compact()
            assert after is not None
            assert after.free < 1 << 16
    assert not any(one.pays for one in beside(path, ledgers=ledger.parent))
    assert beside(path.with_name("nothing")) == []


# --- a domain that is open ------------------------------------------------------------------------


def test_a_domain_drops_what_it_need_not_keep_while_commands_are_sent(path: Path) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        journal = domain._assembly.journal
        assert isinstance(journal, LmdbJournal)
        journal.window = Window.of(10)
        books = [domain.aggregate(notebook, f"b{each}") for each in range(3)]
        for number in range(100):
            with pytest.raises(PageFull):
                books[number % 3].do(Write(page="p", text="x" * (LIMIT + 1)))
        ended = threading.Event()

        def work() -> None:
            number = 0
            while not ended.is_set():
                books[0].do(Write(page="p", text=f"{number}"))
                number += 1

        worker = threading.Thread(target=work)
        worker.start()
        done = domain.compact(refusals=True)
        ended.set()
        worker.join()
        assert done.refusals is not None
        assert done.refusals.many >= 90
        written = journal.version(books[0].id)
        assert [one.version for one in journal.read(books[0].id)] == [*range(written)]
        figures = journal.figures()
        assert len([*journal.read_every()]) == figures.records - figures.dropped < 100 + written


def test_a_domain_that_is_closed_or_has_no_directory_compacts_nothing(path: Path) -> None:
    domain = Domain.open(path, deciders=[notebook])
    domain.close()
    with pytest.raises(Closed):
        domain.compact()
    with (
        Domain(MemoryJournal(), deciders=[notebook]) as domain,
        pytest.raises(WiringError, match="MemoryJournal"),
    ):
        domain.compact()
