"""Damaged copies of a journal and of a model's folder, each opened by a program of its own.

None of them ends the program, gives a wrong row, loses anything in silence, raises what is not in
the tree of errors, or hangs; and a damaged model is the fold of its journal soon after. A few
copies in CI, `COMITY_DAMAGES` (default 2000) of each in `./scripts/soak`. Run as `python -m
tests.crash.test_damage FOLDER SEED COPIES journal|model FAULT`, it forks the programs that open
them, since a fork starts at once.
"""

from __future__ import annotations

import json
import logging
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, Write, notebook
from tests.actors.shelf import ParkedPages, Shelf, fold, seen, until
from tests.crash.harm import HARMS

from comity.actors import Domain, ReadModels
from comity.engine import AggregateId, ComityError, Recorded
from comity.engine.files import seal
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.engine.lmdb import data_tree
from comity.engine.lmdb import preflight as lmdb_preflight
from comity.readmodels.generations.model_folder import MODELS, ModelFolder
from comity.readmodels.storage import reading, writing

ROOT = Path(__file__).parents[2]
SECONDS: Final = 60
"""After which a program hangs."""
BOOKS: Final = 12
PAGES: Final = 30

Events = list[Recorded[NotebookEvent]]
Check = Callable[[Path, "Sound"], str]


class Wrong(Exception):
    """What must never be; the text begins with which of it."""


# --- what is damaged ------------------------------------------------------------------------------


class Sound:
    """A domain before it is damaged, and all that it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with Domain.open(path, deciders=[notebook], read_models=[ParkedPages]) as domain:
            end = _fill(domain)
            domain.reached(ParkedPages, end, timeout=30).result(30)
        journal = LmdbJournal.open(path, read_only=True)
        self.records = list(journal.read_all())
        self.aggregates = dict(journal.aggregates())
        journal.close()
        self.events = _events(self.records)
        self.end = self.events[-1].position
        self._folds: dict[int, Shelf] = {}

    def fold(self, position: int) -> Shelf:
        """What the model has to show at this position."""
        if position not in self._folds:
            self._folds[position] = fold(at for at in self.events if at.position <= position)
        return self._folds[position]


def _fill(domain: Domain) -> int:
    """Rows short and long, words that many have, an id for each command, commits of all sizes."""
    rng = random.Random(1)
    for number in range(BOOKS):
        book = domain.session(f"p{number % 3}").aggregate(notebook, f"b{number}")
        for page in range(PAGES):
            words = " ".join(rng.choices(["a", "b", "c", "d", "e"], k=3))
            text = words + (" " + "x" * 400 if page % 9 == 8 else "")
            id_ = f"id-{number}-{page}"
            book.send(Write(page=f"p{page}", text=text), id=id_).result(30)
        book.send_many([Stamp(page=f"p{number % PAGES}", stamps=1)] * 40).result(30)
        if number % 4 == 3:
            time.sleep(0.02)  # the model takes several batches
    book = domain.aggregate(notebook, "b0")
    return book.send(Write(page="p1", text="the end"), id="the-end").result(30).position


def _events(records: list[Record]) -> Events:
    return [at for record in records for at in recorded(notebook, record)]


# --- a journal ------------------------------------------------------------------------------------


def check_journal(path: Path, sound: Sound) -> str:
    """Read all of it, then go on with it; what came of it."""
    try:
        _read_journal(path, sound)
        _write_journal(path, sound)
    except ComityError as error:
        return f"noticed: {type(error).__name__}"
    return "harmless"


def _read_journal(path: Path, sound: Sound) -> None:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        _same("records", list(journal.read_all()), sound.records)
        _same("aggregates", dict(journal.aggregates()), sound.aggregates)
        for id_, version in sound.aggregates.items():
            _same("version", journal.version(id_), version)
            mine = [record for record in sound.records if record.aggregate == id_]
            _same("history", list(journal.read(id_)), [one for one in mine if one.events])
            back = list(journal.read_backwards(id_))
            _same("history, backwards", back[::-1], [one for one in mine if one.events])
        for record in sound.records:
            _same("id", journal.find(record.command_id), record)
    finally:
        journal.close()


def _write_journal(path: Path, sound: Sound) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        for number in range(BOOKS):
            book = domain.aggregate(notebook, f"b{number}")
            again = book.send(Write(page="p0", text=""), id=f"new-{number}").result(30)
            before = sound.aggregates[AggregateId("notebook", f"b{number}")]
            _same("version after one more", again.version, before + 1)
        for record in sound.records[:: len(sound.records) // 40]:
            if record.command_id.startswith("id-"):
                _retry(domain, record)
    journal = LmdbJournal.open(path, read_only=True)
    try:
        records = list(journal.read_all())
    finally:
        journal.close()
    _same("records, of before", records[: len(sound.records)], sound.records)
    _same("records, all", len(records), len(sound.records) + BOOKS)


def _retry(domain: Domain, record: Record) -> None:
    command = _command_of(record)
    _, number, _page = record.command_id.split("-")
    book = domain.session(f"p{int(number) % 3}").aggregate(notebook, record.aggregate.key)
    receipt = book.send(command, id=record.command_id).result(30)
    _same("a retry's version", receipt.version, record.version + 1)


def _command_of(record: Record) -> Write:
    (at,) = recorded(notebook, record)
    fields = at.event.__dict__
    return Write(page=str(fields["page"]), text=str(fields["text"]))


# --- a model --------------------------------------------------------------------------------------


def check_model(path: Path, sound: Sound) -> str:
    """Read all of it in a process that only reads, then open the domain, which mends it."""
    folder = ModelFolder(path / MODELS / ParkedPages.stored_as)
    (folder.path / "current" / "old").touch()
    said: list[str] = []
    with ReadModels.open(path, [ParkedPages]) as models:
        said.extend(_shown(lambda: models.read(ParkedPages, timeout=0.0, stale=True), sound))
    with Domain.open(path, deciders=[notebook], read_models=[ParkedPages]) as domain:
        said.extend(_mended(lambda: domain.read(ParkedPages, after=sound.end), sound))
        book = domain.aggregate(notebook, "b0")
        last = book.send(Write(page="p0", text="more"), id="more").result(30)
        with domain.read(ParkedPages, after=last, timeout=30) as pages:
            _same("the next row", pages.rows["b0", "p0"].text, "more")
    with ReadModels.open(path, [ParkedPages]) as models, models.read(ParkedPages) as pages:
        _same("the next row, elsewhere", pages.rows["b0", "p0"].text, "more")
    if not (folder.path / "current" / "old").exists():
        return "rebuilt"
    return "noticed" if said else "harmless"


def _shown(read: Callable[[], ParkedPages], sound: Sound) -> list[str]:
    """What a snapshot shows is right, or it says that it cannot be shown."""
    try:
        with read() as pages:
            _look(pages, sound)
    except ComityError as error:
        return [type(error).__name__]
    return []


def _mended(read: Callable[[], ParkedPages], sound: Sound) -> list[str]:
    """The same again and again, until everything is shown."""
    said: list[str] = []

    def shown() -> bool:
        found = _shown(read, sound)
        said.extend(found)
        return not found

    if not until(shown, 30):
        msg = f"not built anew: {said[-3:]}"
        raise Wrong(msg)
    return said


def _look(pages: ParkedPages, sound: Sound) -> None:
    """Every table, by its key and by each index, page by page, and every figure."""
    shelf = sound.fold(pages.position)
    rows = list(shelf.rows.values())
    _same("all", seen(pages), shelf)
    _same("reversed", pages.rows.all().reversed().list(), rows[::-1])
    _same("one by one", [pages.rows.get(key) for key in shelf.rows], rows)
    _same("many", pages.rows.get_many(shelf.rows), rows)
    for row in rows:
        _same("by change", pages.by_change.get(row.changed), row)
        at = [one for one in rows if one.text == row.text]
        _same("by text", pages.by_text[row.text].list(), at)
    for word in ("a", "b", "c", "d", "e"):
        keys = [key for key, row in shelf.rows.items() if word in row.text.split()]
        _same("by word", [(row.book, row.page) for row in pages.by_word[word]], keys)
        _same("by word, counted", pages.by_word[word].count(), len(keys))
    first = pages.by_stamps.all().page(limit=7)
    more = pages.by_stamps.all().page(limit=1_000, after=first.next)
    both = [(row.book, row.page) for row in [*first.rows, *more.rows]]
    _same("pages", both, shelf.by_stamps)
    for book, number in shelf.per_book.items():
        _same("figure", (pages.per_book[book], pages.stamps[book]), (number, shelf.stamps[book]))


def _same(what: str, found: object, expected: object) -> None:
    """Say what differs; fewer records than there were are a loss that nobody would notice."""
    if found != expected:
        kind = "lost" if what.startswith(("records", "id")) else "wrong"
        msg = f"{kind}: {what}: {found!r:.300} instead of {expected!r:.300}"
        raise Wrong(msg)


CHECKS: Mapping[str, tuple[Check, str]] = {
    "journal": (check_journal, "data.mdb"),
    "model": (check_model, f"{MODELS}/{ParkedPages.stored_as}/current/data.mdb"),
}


# --- forking those who look -----------------------------------------------------------------------


def _verdict(copy: Path, sound: Sound, what: str, harm: str, seed: int) -> str:
    """What comes of one damaged copy, in a program of its own."""
    check, file = CHECKS[what]
    shutil.copytree(sound.path, copy, symlinks=True)
    if what == "journal":
        shutil.rmtree(copy / MODELS)
    HARMS[harm](copy / file, random.Random(seed))
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(say, _said(check, copy, sound).encode()[:4_000])
        finally:
            os._exit(0)
    os.close(say)
    if not select.select([hear], [], [], SECONDS)[0]:
        os.kill(child, signal.SIGKILL)
    verdict = os.read(hear, 4_000).decode(errors="replace")
    os.close(hear)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shutil.rmtree(copy)
    if ended == -signal.SIGKILL:
        return "hangs"
    return verdict if ended == 0 else f"signal {-ended}"


def _said(check: Check, copy: Path, sound: Sound) -> str:
    try:
        return check(copy, sound)
    except Wrong as wrong:
        return str(wrong)
    except BaseException as error:
        return f"untyped: {error!r}\n{traceback.format_exc()}"


def _without_checksums(*_: object) -> int:
    return seal.SOUND


def _without_looking(*_: object) -> str:
    return ""


def _plant(fault: str) -> None:
    """Take one of the checks away, to show that the campaign can fail."""
    match fault:
        case "checksums":
            for module in (reading, writing, data_tree):
                module.__dict__["crc32"] = _without_checksums
        case "looking":
            lmdb_preflight.__dict__["find_wrong"] = _without_looking
        case _:
            pass


def main() -> None:
    """Damage one copy after the other, and print what came of them."""
    logging.disable(logging.CRITICAL)
    folder, seed, copies, what = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    sound = Sound(folder / "sound")
    _plant(sys.argv[5])
    total, bad = Counter[str](), list[str]()
    for number in range(copies):
        harm = list(HARMS)[number % len(HARMS)]
        verdict = _verdict(folder / f"copy{number}", sound, what, harm, seed * 1_000_000 + number)
        kind = verdict.partition(":")[0]
        total[kind] += 1
        if kind not in ("harmless", "noticed", "rebuilt"):
            bad.append(f"{what} {number}, {harm}: {verdict}")
    print(json.dumps({"verdicts": total, "bad": bad[:20]}))


def _damage(folder: Path, what: str, copies: int, fault: str = "", seed: int = 1) -> Counter[str]:
    program = [sys.executable, "-m", "tests.crash.test_damage"]
    done = subprocess.run(
        [*program, str(folder), str(seed), str(copies), what, fault],
        cwd=ROOT, capture_output=True, text=True, timeout=3_500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5_000:]
    said = json.loads(done.stdout)
    verdicts: Counter[str] = Counter(said["verdicts"])
    print(f"\n{copies} damaged copies of a {what}: {dict(verdicts)}")
    print("\n".join(said["bad"]))
    return verdicts


def _only_good(verdicts: Counter[str]) -> bool:
    return verdicts.keys() <= {"harmless", "noticed", "rebuilt"}


@pytest.mark.parametrize("what", CHECKS)
def test_no_damage_ends_the_host_or_is_believed(tmp_path: Path, what: str) -> None:
    verdicts = _damage(tmp_path, what, 2 * len(HARMS))
    assert _only_good(verdicts)
    assert verdicts.total() == 2 * len(HARMS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("what", CHECKS)
def test_none_of_2000_damages_ends_the_host_or_is_believed(tmp_path: Path, what: str) -> None:
    copies = int(os.environ.get("COMITY_DAMAGES", "2000"))
    verdicts = _damage(tmp_path, what, copies, seed=2)
    assert _only_good(verdicts)
    assert verdicts.total() == copies


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", ["checksums", "looking"])
def test_a_check_that_is_left_out_would_be_noticed(tmp_path: Path, fault: str) -> None:
    assert not _only_good(_damage(tmp_path, "model", 90, fault))


if __name__ == "__main__":
    main()
