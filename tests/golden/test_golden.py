"""What was stored by any version is read today, and what is stored today is what is kept here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
from tests.golden.files import FOLDERS, TODAY, load_form, load_rows, names
from tests.golden.forms import FORMS, Form
from tests.golden.history import (
    COMMANDS,
    CONFLICTED,
    DROPPED,
    MERGED,
    ONE,
    REBASED,
    SNAPSHOT,
    TWO,
    make_journal,
    rows_of,
    write_history,
)
from tests.support.party import Invited, Party, PartyEvent, Renamed, SeatTaken, party

from comity.actors import Domain
from comity.engine import Conflicted, MergeReport, Outcome, Receipt, Recorded, Refused
from comity.engine.errors import ComityError, FromTheFuture, JournalDamaged
from comity.engine.history.note import Note
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.readmodels import ReadModel, Row, Table

every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda each: each.name)
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda each: each.name)


# --- single forms ---------------------------------------------------------------------------------


NEW: Mapping[str, str] = {
    "note-kept": "4", "model-described-gained": "4", "commit-thinned": "5",
}  # fmt: skip
"""Forms that older folders do not have, each with the first that does."""


def folders_of(form: Form) -> list[Path]:
    return [folder for folder in FOLDERS if int(folder.name) >= int(NEW.get(form.name, "1"))]


@every_form
def test_a_form_of_any_version_is_read_as_what_was_written(form: Form) -> None:
    for folder in folders_of(form):
        assert form.read(load_form(folder, form.name)) == form.value


@every_form
def test_a_form_is_written_as_it_is_kept_here(form: Form) -> None:
    """If it is not, and you want that: read tests/golden/README.md."""
    assert form.write().hex() == load_form(TODAY, form.name).hex()


@every_folder
def test_no_file_is_missing_or_forgotten(folder: Path) -> None:
    assert names(folder) == sorted(form.name for form in FORMS if folder in folders_of(form))


@pytest.mark.parametrize(
    "form",
    [form for form in FORMS if form.name.startswith(("format", "note", "mark", "cursor", "event"))],
    ids=lambda each: each.name,
)
def test_a_flipped_bit_is_an_error_of_comitys_or_another_value(form: Form) -> None:
    data = load_form(TODAY, form.name)
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        with suppress(ComityError, UnicodeDecodeError):  # a cursor is text before it comes here
            form.read(flipped)


# --- a whole journal ------------------------------------------------------------------------------


@pytest.fixture(params=FOLDERS, ids=lambda each: each.name)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A journal of the rows that a version of comity has written."""
    make_journal(tmp_path / "journal", load_rows(cast("Path", request.param)))
    return tmp_path / "journal"


def test_a_journal_is_written_as_it_is_kept_here(tmp_path: Path) -> None:
    write_history(tmp_path / "journal")
    assert rows_of(tmp_path / "journal") == load_rows(TODAY)


def plain(records: Iterable[Record]) -> list[object]:
    """What the records say, in whatever form they are stored."""
    return [
        (
            record._replace(note=None, events=()),
            Note.unpack(record.note),
            [party.load(event) for event in record.events],
        )
        for record in records
    ]


def everything(path: Path) -> list[object]:
    """What a journal says, asked in every way."""
    journal = LmdbJournal.open(path)
    found = (journal.find(command_id) for command_id in COMMANDS)
    said: list[object] = [
        plain(journal.read_all()),
        [plain(journal.read(each)) for each in (ONE, TWO)],
        [plain(journal.read_backwards(each)) for each in (ONE, TWO)],
        list(journal.aggregates()),
        plain(record for record in found if record is not None),
        [journal.lasting(ONE), journal.version(ONE), journal.position()],
        journal.figures()[:3],
        journal.snapshot(ONE),
    ]
    journal.close()
    return said


def test_a_journal_of_any_version_says_what_todays_says(path: Path, tmp_path: Path) -> None:
    write_history(tmp_path / "today")
    assert everything(path) == everything(tmp_path / "today")
    assert everything(path)[-1] == SNAPSHOT


@pytest.fixture
def domain(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[party], read_models=[Guests]) as domain:
        yield domain


class GuestRow(Row):
    guest: str
    name: str
    by: str


class Guests(ReadModel[PartyEvent]):
    """Who is invited, and who called them so."""

    rows = Table(GuestRow, key=lambda row: row.guest)

    def project(self, event: PartyEvent, at: Recorded[PartyEvent]) -> None:
        if isinstance(event, Invited | Renamed):
            self.rows.put(GuestRow(guest=event.guest, name=event.name, by=at.who))


def test_its_history_and_all_its_states_are_there(domain: Domain) -> None:
    one = domain.aggregate(party, ONE.key)
    told = [(each.version, each.event.stored_as, each.who) for each in domain.history(one)]
    assert told == [
        (1, "Invited", "ann"),
        (2, "Invited", "ann"),
        (3, "Renamed", "ann"),
        (4, "ThemeSet", "bob"),
        (5, "Seated", "cy"),
    ]
    states = [domain.state(one, at=version) for version in range(6)]
    assert states[0] == Party()
    assert states[2] == Party(names={"g1": "Grace", "g2": "Alan"})
    assert states[5] == Party({"g1": "Grace H.", "g2": "Alan"}, {"g1": 2}, theme="jazz")
    assert domain.state(domain.aggregate(party, TWO.key)) == Party(kitty=5)
    with pytest.raises(FromTheFuture):
        domain.state(one, at=6)


def test_every_command_that_is_sent_again_gets_its_answer(domain: Domain) -> None:
    answers = {command_id: again(domain, command_id) for command_id in COMMANDS}
    outcomes = {id_: each.report.outcome for id_, each in answers.items()}
    assert outcomes == {
        "applied": Outcome.APPLIED,
        "anonymous": Outcome.APPLIED,
        "renamed": Outcome.APPLIED,
        "merged": Outcome.MERGED,
        "rebased": Outcome.REBASED,
        "conflicted": Outcome.CONFLICTED,
        "rejected": Outcome.REJECTED,
        "dropped": Outcome.UNCHANGED,
    }
    reports: dict[str, MergeReport] = {
        "merged": MERGED, "rebased": REBASED, "conflicted": CONFLICTED, "dropped": DROPPED,
    }  # fmt: skip
    assert {id_: answers[id_].report for id_ in reports} == reports
    refusal = answers["rejected"]
    assert isinstance(refusal, SeatTaken)
    assert refusal.fields == {"seat": 2, "guest": "g1"}
    assert isinstance(answers["conflicted"], Conflicted)
    assert domain.version(domain.aggregate(party, ONE.key)) == 5


def again(domain: Domain, command_id: str) -> Receipt[PartyEvent] | Refused:
    """The answer to a command of the history that is sent again."""
    aggregate, command, seen = COMMANDS[command_id]
    try:
        return domain.aggregate(party, aggregate.key).do(command, seen=seen, id=command_id)
    except Refused as refusal:
        return refusal


def test_models_are_built_from_it_and_it_goes_on(domain: Domain, path: Path) -> None:
    command = COMMANDS["conflicted"][1]
    receipt = domain.session("eve").aggregate(party, ONE.key).do(command)
    with domain.read(Guests, after=receipt.position, timeout=30) as guests:
        assert guests.rows.get("g1") == GuestRow(guest="g1", name="Hopper", by="eve")
    domain.close()
    journal = LmdbJournal.open(path)
    assert [record.version for record in journal.read(ONE)][-1] == 5
    journal.close()


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_journal_with_a_flipped_bit_is_not_believed(tmp_path: Path, at: int) -> None:
    sound = tmp_path / "sound"
    make_journal(sound, load_rows(TODAY))
    rows = [
        (table, key, value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :])
        if table == "commits" and len(value) > at
        else (table, key, value)
        for table, key, value in load_rows(TODAY)
    ]
    make_journal(tmp_path / "harmed", rows)
    with pytest.raises(JournalDamaged):
        everything(tmp_path / "harmed")
