"""Rows that only gained fields: the model goes on without a rebuild, and every program reads it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.readmodels.bench import at, batch_of
from tests.readmodels.cards import CardAdded, CardGiven, CardRenamed
from tests.readmodels.growing import LONG_AGO, New, Newest, NewestRow, NewRow, Old, OldRow

from comity.engine import Event, Recorded, WiringError
from comity.engine.errors import StorageFull
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.generations import generations
from comity.readmodels.generations.generations import Generations
from comity.readmodels.generations.model_folder import ModelFolder, describe
from comity.readmodels.projecting.change_log import changes_after
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.binding import Binding
from comity.readmodels.tables.growth import described_after, growth_of
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.row import Columns, RowCodec
from comity.readmodels.tables.schema import Described, Schema

ROOT = Path(__file__).parents[2]
AnyModel = type[ReadModel[Any]]


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    folder = ModelFolder(tmp_path / "Cards")
    folder.make()
    return folder


@contextmanager
def opened(model: AnyModel, folder: ModelFolder) -> Generator[Generations]:
    """What a projector finds; closed again."""
    found = generations.found(model, folder)
    try:
        yield found
    finally:
        for one in {one.environment for one in (found.current, found.building) if one}:
            one.close()
        if found.answers is not None:
            found.answers.close()


def take(projection: Projection | None, *events: Event, complete: bool = True) -> None:
    """Apply the next events."""
    assert projection is not None
    after = projection.checkpoint.position
    recorded = [at(event, position) for position, event in enumerate(events, after + 1)]
    projection.take(batch_of(recorded, after + len(events), after=after, is_end=complete))


def started(folder: ModelFolder) -> None:
    """The oldest program has built the model, with two cards."""
    with opened(Old, folder) as found:
        take(found.current, CardAdded(card="a", title="A"), CardAdded(card="b", title="B"))


@contextmanager
def reading(model: AnyModel, environment: Environment) -> Generator[Any]:
    """A snapshot, as any program with this class gets it."""
    snapshot = environment.begin()
    assert snapshot is not None
    with model.bound(Binding(snapshot)) as found:
        yield found


# --- going on -------------------------------------------------------------------------------------


def test_a_model_whose_rows_only_gained_fields_goes_on_without_a_rebuild(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    started(folder)
    with caplog.at_level(logging.INFO), opened(New, folder) as found:
        assert found.current is not None
        assert found.current.checkpoint.position == 2
        assert found.building is None
        take(found.current, CardAdded(card="c", title="C", owner="ann"))
        with reading(New, found.current.environment) as cards:
            assert [row.owner for row in cards.rows.all()] == [None, None, "ann"]
    assert "goes on without a rebuild; its rows have gained rows.owner, rows.due" in caplog.text


class Brief(NamedTuple):
    tags: tuple[str, ...]
    due: datetime


class Smaller(Row):
    cost: Decimal
    card: str


def check_every_way(cards: New) -> None:
    """Rows without the new fields are read with their defaults, in every way of asking."""
    a = NewRow(card="a", title="A")
    c = NewRow(card="c", title="C", tags=("old",))
    assert cards.rows.all().list() == [a, NewRow(card="b", title="B"), c]
    assert [cards.rows["a"], cards.rows.get("c"), *cards.rows.get_many(["a", "c"])] == [a, c, a, c]
    assert cards.by_title["A"].list() == [a]
    assert cards.rows.where(title="C").first() == c
    assert cards.rows.scan(lambda row: row.owner is None and row.due == LONG_AGO).count() == 3
    brief = [Brief(("new",), LONG_AGO)] * 2
    assert cards.rows.all().into(Brief).list() == [*brief, Brief(("old",), LONG_AGO)]
    assert [row.cost for row in cards.rows.all().into(Smaller)] == [Decimal("1.50")] * 3
    assert cards.rows.all().page(2).rows[1].tags == ("new",)


def ask_in_every_way(folder: ModelFolder) -> None:
    """Build it with the old program, add a row with the new one, and ask."""
    started(folder)
    with opened(New, folder) as found:
        take(found.current, CardAdded(card="c", title="C", tags=("old",)))
        assert found.current is not None
        with reading(New, found.current.environment) as cards:
            check_every_way(cards)


def test_older_rows_are_read_with_the_defaults_in_every_way_of_asking(folder: ModelFolder) -> None:
    ask_in_every_way(folder)


def test_defaults_in_another_order_would_be_found(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Planted(RowCodec[Row]):
        def _fitted(self, columns: Columns) -> Columns:
            return (*columns, *reversed(self._missing))[: len(self.names)]

    monkeypatch.setattr(New.rows, "codec", Planted(NewRow, New.rows.gained))
    with pytest.raises((AssertionError, TypeError)):
        ask_in_every_way(folder)


def test_an_older_row_that_an_event_changes_is_stored_whole(folder: ModelFolder) -> None:
    started(folder)
    with opened(New, folder) as found:
        take(found.current, CardGiven(card="a", owner="ann"), CardRenamed(card="b", title="Bee"))
    with opened(New, folder) as found:
        assert found.current is not None
        with reading(New, found.current.environment) as cards:
            assert cards.rows["a"] == NewRow(card="a", title="A", owner="ann")
            assert cards.by_title["Bee"].list() == [NewRow(card="b", title="Bee")]
            assert dict(cards.per_title.items()) == {"A": 1, "Bee": 1}


def test_a_second_growth_goes_on_from_rows_of_every_length(folder: ModelFolder) -> None:
    started(folder)
    with opened(New, folder) as found:
        take(found.current, CardGiven(card="a", owner="ann"))
    with opened(Newest, folder) as found:
        assert found.building is None
        take(found.current, CardAdded(card="c", title="C"), CardRenamed(card="c", title="Sea"))
        assert found.current is not None
        with reading(Newest, found.current.environment) as cards:
            assert [(row.owner, row.votes) for row in cards.rows.all()] == [
                ("ann", 7),
                (None, 7),
                (None, 3),
            ]


def test_two_growths_at_once_are_one(folder: ModelFolder) -> None:
    started(folder)
    with opened(Newest, folder) as found:
        assert (found.current is not None, found.building) == (True, None)


def test_a_generation_that_is_not_complete_is_built_anew(folder: ModelFolder) -> None:
    with opened(Old, folder) as found:
        take(found.current, CardAdded(card="a", title="A"), complete=False)
    with opened(New, folder) as found:
        assert found.current is None
        assert found.building is not None
        assert found.building.checkpoint.position == 0


def test_a_rebuild_that_an_older_program_had_begun_is_begun_again(folder: ModelFolder) -> None:
    started(folder)
    generations.new_projection(Old, folder).environment.close()
    with opened(New, folder) as found:
        assert found.current is not None
        assert found.building is not None
        assert hash_in(found.building) == New.schema.hash


def hash_in(projection: Projection) -> str:
    """The hash in a generation that is open."""
    with projection.environment.reading() as snapshot:
        meta = snapshot.handles["~meta"]
        return Described.unpack(snapshot.get(meta, b"described")).hash


def test_if_the_description_cannot_be_replaced_nothing_has_changed(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(folder)
    path = folder.path / "g000001"
    before = describe(path)

    def full(*_: object) -> None:
        raise StorageFull("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Writing, "put", full)
        with pytest.raises(StorageFull), opened(New, folder):
            pass
    assert describe(path) == before
    with opened(New, folder) as found:
        assert found.current is not None
        assert found.current.checkpoint.position == 2


def test_a_generation_of_an_older_comity_notes_its_types_when_it_is_opened(
    folder: ModelFolder,
) -> None:
    started(folder)
    path = folder.path / "g000001"
    older = describe(path)._replace(types={}, parts={}, events=())
    rewrite(path, older)
    with opened(Old, folder):
        pass
    assert describe(path).parts == Old.schema.described.parts
    with opened(New, folder) as found:
        assert found.building is None


def rewrite(path: Path, described: Described) -> None:
    """Let a generation say something else of itself."""
    environment = Environment(path, {"~meta": False})
    with environment.writing() as writing:
        writing.put(writing.handles["~meta"], b"described", described.pack())
    environment.close()


# --- exactly once, through deploys and crashes ----------------------------------------------------

VERSIONS: tuple[AnyModel, ...] = (Old, New, Newest)
CARDS = st.sampled_from("abc")
EVENTS = st.one_of(
    st.builds(CardAdded, card=CARDS, title=st.sampled_from("xy"), owner=st.sampled_from("st")),
    st.builds(CardRenamed, card=CARDS, title=st.sampled_from("xyz")),
    st.builds(CardGiven, card=CARDS, owner=st.sampled_from("uv")),
)
STEPS = st.lists(st.one_of(EVENTS, st.sampled_from(["deploy", "open again"])), max_size=25)


class Expected:
    """What the rows come to: those of an older program keep the defaults of what they lack."""

    def __init__(self) -> None:
        self.version = 0
        self.rows: dict[str, Row] = {}

    def deploy(self) -> None:
        """The next version of the program reads the rows with its defaults."""
        self.version = min(self.version + 1, 2)
        kind = (OldRow, NewRow, NewestRow)[self.version]
        self.rows = {card: kind(**row.__dict__) for card, row in self.rows.items()}

    def wanted(self, event: Event) -> bool:
        """Whether `project` of this version takes the event without a failure."""
        if isinstance(event, CardAdded):
            return True
        known = self.version > 0 or isinstance(event, CardRenamed)
        return known and getattr(event, "card", "") in self.rows

    def take(self, event: Event) -> None:
        """Apply an event as this version does."""
        match event, self.version:
            case CardAdded(card=card, title=title), 0:
                self.rows[card] = OldRow(card=card, title=title)
            case CardAdded(card=card, title=title, owner=owner, tags=tags), 1:
                self.rows[card] = NewRow(card=card, title=title, owner=owner, tags=tags)
            case CardAdded(card=card, title=title), _:
                self.rows[card] = NewestRow(card=card, title=title)
            case CardRenamed(card=card, title=title), 2:
                self.change(card, title=title, votes=len(title))
            case CardRenamed(card=card, title=title), _:
                self.change(card, title=title)
            case CardGiven(card=card, owner=owner), _:
                self.change(card, owner=owner)
            case _:
                pass

    def change(self, card: str, **fields: object) -> None:
        """Change some fields of a row."""
        self.rows[card] = self.rows[card].model_copy(update=fields)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_every_event_has_its_effect_once_whenever_a_newer_program_goes_on(
    steps: list[Event | str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = ModelFolder(tmp_path_factory.mktemp("growing") / "Cards")
    folder.make()
    expected, waiting = Expected(), list(steps)
    taken = 0
    while True:
        model = VERSIONS[expected.version]
        with opened(model, folder) as found:
            assert found.building is None
            assert found.current is not None
            assert found.current.checkpoint.position == taken
            take(found.current)  # the end of the journal
            while waiting and isinstance(event := waiting[0], Event):
                waiting.pop(0)
                if expected.wanted(event):
                    expected.take(event)
                    take(found.current, event)
            taken = found.current.checkpoint.position
            with reading(model, found.current.environment) as cards:
                rows = [expected.rows[card] for card in sorted(expected.rows)]
                assert cards.rows.all().list() == rows
                titles = Counter(row.__dict__["title"] for row in rows)
                assert dict(cards.per_title.items()) == titles
        if not waiting:
            return
        if waiting.pop(0) == "deploy":
            expected.deploy()


KILLED = """
import os, sys
from pathlib import Path
from comity.readmodels.generations import generations
from comity.readmodels.generations.model_folder import ModelFolder
from comity.readmodels.storage.writing import Writing
from tests.readmodels.growing import New

put = Writing.put

def put_and_die(self, handle, key, value):
    put(self, handle, key, value)
    if key == b"described":
        os._exit(9)

Writing.put = put_and_die
generations.found(New, ModelFolder(Path(sys.argv[1])))
"""


def test_a_program_that_is_killed_while_it_goes_on_has_changed_nothing(folder: ModelFolder) -> None:
    started(folder)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder.path)], cwd=ROOT, check=False, timeout=60
    )
    assert killed.returncode == 9
    with opened(Old, folder) as found:
        take(found.current, CardAdded(card="c", title="C"))
    with opened(New, folder) as found:
        assert found.current is not None
        with reading(New, found.current.environment) as cards:
            assert [row.card for row in cards.rows.all()] == ["a", "b", "c"]


# --- other programs -------------------------------------------------------------------------------


def test_an_older_program_leaves_out_the_fields_that_it_does_not_know(folder: ModelFolder) -> None:
    started(folder)
    with opened(New, folder) as found:
        take(found.current, CardGiven(card="a", owner="ann"))
        assert found.current is not None
        with reading(Old, found.current.environment) as cards:  # as a process that runs on
            assert cards.rows.all().list() == [
                OldRow(card="a", title="A"),
                OldRow(card="b", title="B"),
            ]
            assert cards.rows.all().into(NamedTuple("T", [("title", str)])).list()[0] == ("A",)
    assert Old.schema.reads(describe(folder.path / "g000001"))


def test_an_older_watch_and_a_newer_one_read_the_same_log_of_changes(folder: ModelFolder) -> None:
    started(folder)
    with opened(New, folder) as found:
        take(found.current, CardGiven(card="a", owner="ann"))
        assert found.current is not None
        with found.current.environment.reading() as snapshot:
            for model, row in (
                (Old, OldRow(card="a", title="A")),
                (New, NewRow(card="a", title="A", owner="ann")),
            ):
                codecs = {table.name: table.codec for table in model.schema.tables}
                changes = changes_after(snapshot, 1, codecs)
                assert changes is not None
                assert [one.new for batch in changes for one in batch] == [row]


def test_a_newer_reader_waits_until_the_domain_goes_on(folder: ModelFolder) -> None:
    started(folder)
    assert not New.schema.reads(describe(folder.path / "g000001"))
    with opened(New, folder):
        pass
    assert New.schema.reads(describe(folder.path / "g000001"))


def test_after_a_rollback_nothing_that_events_have_filled_is_lost(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    started(folder)
    with opened(New, folder) as found:
        take(found.current, CardAdded(card="c", title="C", owner="ann"))
    with opened(Old, folder) as found:  # the older program answers at once, and builds its own
        assert found.answers is not None
        assert found.building is not None
        take(found.building, CardAdded(card="c", title="C"))
        folder.swap(found.building.environment.path)
    with opened(New, folder) as found:
        assert found.current is None
        assert found.building is not None
    assert "owner, tags was there before, until an older program rebuilt" in caplog.text.replace(
        "cost, due, ", ""
    )


def test_a_damaged_note_of_left_columns_is_a_reason_to_rebuild(folder: ModelFolder) -> None:
    started(folder)
    (folder.path / "left").write_bytes(b"\xc1")
    with opened(New, folder) as found:
        assert found.current is None


def test_another_default_of_a_gained_field_is_a_reason_to_rebuild() -> None:
    old, first, other = schema_of(SOURCE).described, model(), model(CHANGES["another default"])
    after = described_after(first, old, growth_of(first, old, {}))
    assert first.fits(after)
    assert other.hash == first.hash
    assert (other.fits(after), other.reads(after)) == (False, False)
    assert other.fits(first.described)


# --- more than it says ----------------------------------------------------------------------------

SOURCE = """
from comity.engine import Event, Key
from comity.readmodels import ReadModel, Row, Table, Totals

class Added(Event):
    card: Key[str]

class Removed(Event):
    card: Key[str]

class CardRow(Row):
    card: str
    title: str

class Cards(ReadModel[Added | Removed]):
    version = 1
    rows = Table(CardRow, key=lambda row: row.card)
    by_title = rows.index(lambda row: row.title)
    per_title = rows.count(lambda row: row.title)

    def project(self, event, at):
        self.rows.put(CardRow(card=event.card, title="x"))
"""
GAINED = {"    title: str\n": "    title: str\n    stars: int = 0\n"} | {
    "key=lambda row: row.card": "key=lambda row: row.card, gained=['stars']",
    'title="x"': 'title="x", stars=1',
}
CHANGES: dict[str, Mapping[str, str]] = {
    "nothing else": {},
    "another default": {"stars: int = 0": "stars: int = 1"},
    "version has changed": {"version = 1": "version = 2"},
    "the key of rows has changed": {"lambda row: row.card,": "lambda row: (row.card,),"},
    "by_title has changed": {"index(lambda row: row.title": "index(lambda row: row.title.lower()"},
    "more has changed": {"    per_title": "    more = Totals(str, int)\n    per_title"},
    "per_title has changed": {"    per_title = rows.count(lambda row: row.title)\n": ""},
    "the type of rows.title has changed": {"title: str\n": "title: str | None\n"},
    "rows had the columns card, title, and has card, name, stars": {
        "    title: str\n": "    name: str\n",
        "index(lambda row: row.title)": "index(lambda row: row.name)",
        "count(lambda row: row.title)": "count(lambda row: row.name)",
    },
    "rows had the columns card, title, and has title, card, stars": {
        "    card: str\n    title: str\n": "    title: str\n    card: str\n"
    },
    "and has card, title, more, stars": {"    stars": "    more: int = 0\n    stars"},
    "it no longer listens to Removed": {"[Added | Removed]": "[Added]"},
}


def model(*changes: Mapping[str, str]) -> Schema:
    """The schema of the model after it has gained a field, and after these changes."""
    source = SOURCE
    for old, new in ((old, new) for each in (GAINED, *changes) for old, new in each.items()):
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return schema_of(source)


def schema_of(source: str) -> Schema:
    """The schema of the model in this source text."""
    names: dict[str, Any] = {"__name__": "somewhere"}
    exec(compile(source, "somewhere.py", "exec", dont_inherit=True), names)  # noqa: S102 - as an import would
    return cast("Schema", names["Cards"].schema)


@pytest.mark.parametrize("change", [one for one in CHANGES if "ha" in one or "listens" in one])
def test_a_change_that_is_more_than_a_model_says_is_not_believed(change: str) -> None:
    found = growth_of(model(CHANGES[change]), schema_of(SOURCE).described, {})
    assert found.columns == {"rows": ["stars"]}
    assert change in found.unsaid
    assert not found.goes_on


@pytest.mark.parametrize("change", ["nothing else", "another default"])
def test_a_model_that_says_all_is_believed(change: str) -> None:
    assert growth_of(model(CHANGES[change]), schema_of(SOURCE).described, {}).goes_on


def test_a_model_that_says_nothing_is_rebuilt_as_ever() -> None:
    silent = schema_of(SOURCE.replace("version = 1", "version = 2"))
    found = growth_of(silent, schema_of(SOURCE).described, {})
    assert (found.columns, found.goes_on) == ({}, False)


def test_what_is_not_believed_is_rebuilt_with_a_line_in_the_log(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    started(folder)
    rewrite(folder.path / "g000001", describe(folder.path / "g000001")._replace(parts={}))
    with opened(New, folder) as found:
        assert found.current is None
    assert "Cards is rebuilt, although it says that it only gained rows.owner" in caplog.text
    assert "version has changed" in caplog.text


# --- mistakes in the class ------------------------------------------------------------------------


class Bare(Row):
    card: str
    title: str = ""
    born: datetime
    stars: int = 0


def _indexed() -> AnyReadModel:
    class Indexed(ReadModel[CardAdded]):
        rows = Table(Bare, key=lambda row: row.card, gained=["stars"])
        by_stars = rows.index(lambda row: row.stars)

        def project(self, event: CardAdded, at: Recorded) -> None:
            """Nothing."""

    return cast("AnyReadModel", Indexed)


def _counted() -> AnyReadModel:
    class Counted(ReadModel[CardAdded]):
        rows = Table(Bare, key=lambda row: row.card, gained=["stars"])
        texts = rows.count(repr)

        def project(self, event: CardAdded, at: Recorded) -> None:
            """Nothing."""

    return cast("AnyReadModel", Counted)


def _keyed() -> AnyReadModel:
    class Keyed(ReadModel[CardAdded]):
        rows = Table(Bare, key=lambda row: (row.card, row.stars), gained=["stars"])

        def project(self, event: CardAdded, at: Recorded) -> None:
            """Nothing."""

    return cast("AnyReadModel", Keyed)


def _table(gained: object) -> Callable[[], object]:
    return lambda: Table(Bare, key=lambda row: row.card, gained=cast("list[str]", gained))


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a field that is not last": (_table(["title"]), "expected the last fields of the class"),
    "no field": (_table(["nope"]), "whose fields are card, title, born, stars"),
    "a field twice": (_table(["stars", "stars"]), "name each once"),
    "a text": (_table("stars"), "expected a list, got 'stars'"),
    "a number": (_table([3]), "expected the last fields"),
    "no default": (_table(["born", "stars"]), "Bare.born: .* has none that is fixed"),
    "an index that uses it": (_indexed, "Indexed: by_stars uses stars, so it must be built anew"),
    "a figure that may use it": (_counted, "Counted: texts may use stars"),
    "a key that uses it": (_keyed, "Keyed: the key of rows uses stars"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_found_when_the_class_is_made(mistake: str) -> None:
    make, said = WRONG[mistake]
    with pytest.raises(WiringError, match=said):
        make()
