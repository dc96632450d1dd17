"""Functions, places and disks that are not as they should be: words, and no copy to open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, repeat
from pathlib import Path

import pytest
from examples.board.domain import Board, BoardEvent, RenameCard, board, decide
from tests.evolution.migrations import B1, B2, note, records, same, to_kanban, write

from comity.actors import Domain
from comity.engine import (
    AggregateId,
    Decider,
    JournalDamaged,
    JournalInUse,
    NotAJournal,
    StorageFailed,
    StorageFull,
    TooNew,
    WiringError,
)
from comity.engine.files.writer_lock import WriterLock
from comity.engine.journal.entry import Entry
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.turn import Turn
from comity.evolution import CopyFailed, JournalEvent, JournalRecord, migrate
from comity.evolution.copying.answers import Rewrite
from comity.evolution.copying.rewriting import Output
from comity.evolution.copying.writing import Writing


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that is closed."""
    path = tmp_path_factory.mktemp("journals") / "old.db"
    write(path)
    return path


@pytest.fixture
def old(written: Path) -> Path:
    """The same for tests that do not change it."""
    return written


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where nothing is."""
    return tmp_path / "new.db"


# Functions.


def raises(record: JournalRecord) -> Iterable[JournalRecord]:
    """Raise halfway."""
    if record.version:
        raise ValueError("no idea")
    return [record]


def none(record: JournalRecord) -> object:
    """Forget to return."""


def plain(record: JournalRecord) -> object:
    """Return no list."""
    return record


def loses(record: JournalRecord) -> Iterable[JournalRecord]:
    """Lose the id of a command without events."""
    return [record] if record.events else []


def only_another(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give every event an id of another command."""
    return [record.another(B2, *record.events)]


def twice(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give one id twice."""
    return [record.to(AggregateId("board", "b7")), record]


def two_of_one(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give two records of one aggregate."""
    return [record, record.another(record.aggregate)]


def nameless(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give an event of no name."""
    return [record.with_events(JournalEvent.made("", {}))]


def versionless(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give an event of no schema version."""
    return [record.with_events(JournalEvent.made("CardAdded", {}, schema_version=0))]


def unstorable(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give an event with a value that no journal stores."""
    return [record.with_events(JournalEvent.made("CardAdded", {"card": object()}))]


def huge(record: JournalRecord) -> Iterable[JournalRecord]:
    """Give too large an event."""
    return [record.with_events(JournalEvent.made("CardAdded", {"card": "x" * 2_000_000}))]


def no_event(record: JournalRecord) -> object:
    """Give something else as an event."""
    return [record.with_events("CardAdded")]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def unnamable(record: JournalRecord) -> Iterable[JournalRecord]:
    """Name an aggregate type that cannot be."""
    return [record.to(AggregateId("Board", "b1"))]


def text(record: JournalRecord) -> object:
    """Name an aggregate by a text."""
    return [record.to("board/b1")]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def endless(record: JournalRecord) -> Iterable[JournalRecord]:
    """Never end."""
    return repeat(record)


def leaves(record: JournalRecord) -> Iterable[JournalRecord]:
    """End the program, as if all were well."""
    raise SystemExit(0)


class Late:
    """Give each record one command later: that breaks the order."""

    def __init__(self) -> None:
        self._kept: list[JournalRecord] = []

    def __call__(self, record: JournalRecord) -> Iterator[JournalRecord]:
        """Give the record before."""
        self._kept.append(record)
        yield self._kept[-2 if len(self._kept) > 1 else -1]


class Needy:
    """Cannot be made without arguments."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, record: JournalRecord) -> Iterable[JournalRecord]:
        """Change nothing."""
        return [record]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raises, r"raises raised ValueError: no idea \(test_migrating_refused\.py, line \d+\)"),
        (none, "none raised TypeError: 'NoneType' object is not iterable"),
        (plain, "plain raised TypeError: 'JournalRecord' object is not iterable"),
        (loses, "loses lost the command's id, for command 'b1-5' of board/b1 at version 4"),
        (only_another, "only_another lost the command's id, for command 'b1-1'"),
        (twice, "twice returned 2 records with the command's id"),
        (two_of_one, "two_of_one returned two records of one aggregate"),
        (nameless, "an event's name takes 1 to 200 bytes"),
        (versionless, "the schema version of CardAdded: expected a whole number, 1 or more, got 0"),
        (unstorable, "the fields of CardAdded cannot be stored"),
        (huge, "CardAdded takes 2,000,011 bytes; the most is 1,048,576"),
        (no_event, "expected an event, got 'CardAdded'"),
        (unnamable, "an aggregate type's name is 1 to 64 of a-z"),
        (text, "expected an AggregateId, got 'board/b1'"),
        (endless, "endless returned more than 100,000 records, for command 'b1-1'"),
        (leaves, r"leaves raised SystemExit: 0 \(.*\), for command 'b1-1'"),
        (Late, "Late returned .* and not records of this command, for command 'b1-2'"),
    ],
)
def test_a_wrong_answer_is_refused_with_the_record_and_what_to_do(
    old: Path, new: Path, function: Rewrite, words: str
) -> None:
    with pytest.raises(CopyFailed, match=words):
        migrate(old, new, function)
    cannot_be_opened(new)


def cannot_be_opened(new: Path) -> None:
    with pytest.raises(NotAJournal, match="is an unfinished copy of another journal"):
        Domain.open(new, deciders=[board])
    with pytest.raises(NotAJournal, match="which goes on where it ended"):
        LmdbJournal.open(new, read_only=True)


def test_after_the_function_is_corrected_the_copy_goes_on(old: Path, new: Path) -> None:
    with pytest.raises(CopyFailed):
        migrate(old, new, raises)
    assert migrate(old, new, same).complete
    assert records(new) == records(old)


def test_a_function_that_varies_is_found_out(old: Path, new: Path) -> None:
    calls = count()

    def varies(record: JournalRecord) -> list[JournalRecord]:
        fields = {"card": f"c{next(calls)}"}
        return [record.with_events(JournalEvent.made("CardAdded", fields))]

    with pytest.raises(CopyFailed, match=r"expected command 'b1-1' .*CardAdded.*with other fields"):
        migrate(old, new, varies)
    cannot_be_opened(new)


def test_a_function_that_remembers_and_is_no_class_is_found_out(old: Path, new: Path) -> None:
    seen: set[str] = set()

    def first_time(record: JournalRecord) -> list[JournalRecord]:
        new_one = record.command_id not in seen
        seen.add(record.command_id)
        return [record if new_one else record.with_events()]

    with pytest.raises(CopyFailed, match="write it as a class"):
        migrate(old, new, first_time)


def test_a_derived_id_that_another_command_has_is_refused(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    write(old)
    with Domain.open(old, deciders=[board]) as domain:
        sprint = domain.session("eve").aggregate(board, "b1")
        sprint.send(RenameCard(card="c2", title="x"), id="b1-1~2").result(30)

    def second(record: JournalRecord) -> list[JournalRecord]:
        return [record, record.another(AggregateId("board", "log"), *record.events)]

    with pytest.raises(CopyFailed, match="the id 'b1-1~2', of command 'b1-1~2', is in the copy"):
        migrate(old, new, second)
    cannot_be_opened(new)


def test_an_aggregate_that_today_s_decider_cannot_read_is_told(old: Path, new: Path) -> None:
    def strange(record: JournalRecord) -> list[JournalRecord]:
        return [record.with_events(*[one.renamed("CardDyed") for one in record.events])]

    with pytest.raises(CopyFailed, match=r"the copy's board/b1 cannot be read: .*CardDyed"):
        migrate(old, new, strange, deciders=[board])
    cannot_be_opened(new)


def test_an_aggregate_that_cannot_be_folded_is_told(old: Path, new: Path) -> None:
    def late(record: JournalRecord) -> list[JournalRecord]:
        return [record.with_events() if record.command_id == "b1-1" else record]

    with pytest.raises(CopyFailed, match=r"board/b1 cannot be folded: at version 2 .*KeyError"):
        migrate(old, new, late, deciders=[board])


# Faults of our own: they would be noticed.


def test_a_record_that_the_copy_lacks_is_noticed(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Writing.add

    def without_one(self: Writing, outputs: list[Output]) -> None:
        add(self, [one for one in outputs if one.entry.command_id != "b2-6"])

    monkeypatch.setattr(Writing, "add", without_one)
    with pytest.raises(CopyFailed, match="the copy differs: expected command 'b2-6'"):
        migrate(old, new, same)
    cannot_be_opened(new)


def test_an_id_that_the_copy_does_not_find_is_noticed(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = LmdbJournal.find

    def forgetful(self: LmdbJournal, command_id: str) -> Record | None:
        forgotten = command_id == "b2-6" and not self._read_only  # pyright: ignore[reportPrivateUsage]
        return None if forgotten else find(self, command_id)

    monkeypatch.setattr(LmdbJournal, "find", forgetful)
    with pytest.raises(CopyFailed, match="the copy does not find command 'b2-6'"):
        migrate(old, new, same)
    cannot_be_opened(new)


def test_an_event_that_a_journal_counts_otherwise_is_noticed(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kinds(self: LmdbJournal) -> dict[EventKind, int]:
        return {EventKind("board", "CardAdded", 1): 7}

    monkeypatch.setattr(LmdbJournal, "kinds", kinds)
    with pytest.raises(CopyFailed, match="CardAdded events of the original: 6 were read, and it s"):
        migrate(old, new, same)
    cannot_be_opened(new)


def test_a_state_that_differs_though_nothing_was_changed_is_told(old: Path, new: Path) -> None:
    calls = count()

    def varying(state: Board, event: BoardEvent) -> Board:
        state.next_number = next(calls)
        return state

    varied = Decider("board", Board, decide, varying)
    with pytest.raises(CopyFailed, match=r"state of board/b1 differs .*next_number; is evolve det"):
        migrate(old, new, same, deciders=[varied])


# Places.


def test_the_original_cannot_be_its_own_copy(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(old)
    for place in (old, old / "..", old / "new", link, link / "new"):
        with pytest.raises(WiringError, match=r"give (another|a) path"):
            migrate(old, place, same)
    assert not (old / "new").exists()


def test_another_journal_is_not_written_into(old: Path, new: Path) -> None:
    write(new)
    before = records(new)
    with pytest.raises(NotAJournal, match=r"is a journal already: .*nothing was changed"):
        migrate(old, new, same)
    assert records(new) == before


def test_a_complete_copy_is_not_written_into(old: Path, new: Path) -> None:
    migrate(old, new, same)
    with pytest.raises(NotAJournal, match="either this copy is complete, or"):
        migrate(old, new, to_kanban)


def test_a_folder_or_file_of_something_else_is_left_alone(old: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    for name in ("file", "folder", "file/new"):
        with pytest.raises(NotAJournal, match=r"where nothing is|directory"):
            migrate(old, tmp_path / name, same)
    assert [each.name for each in (tmp_path / "folder").iterdir()] == ["mine"]


def test_nothing_is_made_where_there_is_no_original(tmp_path: Path, new: Path) -> None:
    with pytest.raises(NotAJournal, match="there is nothing at"):
        migrate(tmp_path / "none", new, same)
    assert not new.exists()
    assert not (tmp_path / "none").exists()


def test_an_unfinished_copy_is_no_original(old: Path, new: Path, tmp_path: Path) -> None:
    with pytest.raises(CopyFailed):
        migrate(old, new, raises)
    with pytest.raises(NotAJournal, match="unfinished copy"):
        migrate(new, tmp_path / "newer.db", same)


def test_a_domain_that_is_open_is_copied_by_following_only(old: Path, new: Path) -> None:
    lock = WriterLock(old)  # as another program would have it
    with pytest.raises(JournalInUse, match=r"is open for writing in process .*--follow"):
        migrate(old, new, same)
    lock.release()
    assert not new.exists()


def test_nobody_opens_the_original_while_it_is_copied(old: Path, new: Path) -> None:
    def curious(record: JournalRecord) -> list[JournalRecord]:
        if record.command_id == "b1-1":
            with pytest.raises(JournalInUse):
                WriterLock(old)
        return [record]

    assert migrate(old, new, curious).complete
    Domain.open(old, deciders=[board]).close()


def test_a_damaged_original_leaves_no_copy_to_open(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    write(old)
    data = (old / "data.mdb").read_bytes()
    (old / "data.mdb").write_bytes(data.replace(b"Sleep", b"Slept").replace(b"Rest", b"Best"))
    with pytest.raises(JournalDamaged):
        migrate(old, new, same)
    if new.exists():
        cannot_be_opened(new)


def test_a_newer_original_is_refused(tmp_path: Path, new: Path, old: Path) -> None:
    newer = tmp_path / "newer.db"
    journal = LmdbJournal.open(newer)
    entry = note(old, "b1-1")
    journal.append([turn_with_note(B1, (9, *entry.pack()))])
    journal.close()

    def asks(record: JournalRecord) -> list[JournalRecord]:
        return [record.to(B2)]

    with pytest.raises(TooNew, match="a record's note has form 9"):
        migrate(newer, new, asks)
    cannot_be_opened(new)


def turn_with_note(aggregate: AggregateId, note: object) -> Turn:
    return Turn.of(aggregate, 0, [Entry("x", (), 1, note)])


def test_a_folder_that_cannot_be_written_is_told(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(self: Path, mode: int = 0, *, parents: bool = False, exist_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))  # also for root, who may

    monkeypatch.setattr(Path, "mkdir", closed)
    with pytest.raises(NotAJournal, match=r"no journal can be made .* give this user the right"):
        migrate(old, new, same)


def test_a_full_disk_pauses_the_copy(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = LmdbJournal.append

    def full(self: LmdbJournal, turns: list[Turn]) -> list[Result]:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(LmdbJournal, "append", full)
    with pytest.raises(StorageFailed, match=r"the disk is full; .* run the same command again"):
        migrate(old, new, same)
    cannot_be_opened(new)
    monkeypatch.setattr(LmdbJournal, "append", append)
    assert migrate(old, new, same).complete


def test_wrong_arguments_make_nothing(old: Path, new: Path) -> None:
    with pytest.raises(WiringError, match="expected a function"):
        migrate(old, new, "same")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(WiringError, match=r"Needy\(\) raised TypeError: .*without arguments"):
        migrate(old, new, Needy)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(WiringError, match="objects of Path cannot be called"):
        migrate(old, new, Path)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(WiringError, match="two deciders are called 'board'"):
        migrate(old, new, same, deciders=[board, board])
    assert not new.exists()
