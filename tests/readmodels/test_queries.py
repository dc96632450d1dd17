"""Queries: every form gives what a sorted list would; pages; other shapes; plans; `where`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.readmodels.asking import (
    ASKED,
    PAGED,
    SAID,
    TURNS,
    Asked,
    Turn,
    WordForgotten,
    WordRow,
    Words,
    WordSaid,
    bound,
    check_every_form,
    page_through,
)
from tests.readmodels.bench import Bench
from tests.readmodels.cards import CardAdded, CardEstimated, CardNumbered, Cards

from comity.engine import Event, Invalid, Key, Recorded, WiringError
from comity.engine.errors import Unserved
from comity.readmodels import Query, ReadModel, Row, Selection, Table, descending

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
QUICKLY = settings(deadline=None, max_examples=60, suppress_health_check=CHECKS)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench[Words]]:
    bench = Bench(Words, tmp_path_factory.mktemp("words") / "words")
    yield bench
    bench.close()


@pytest.fixture
def words(filled: Bench[Words]) -> Bench[Words]:
    filled.wipe()
    return filled


@QUICKLY
@given(said=st.lists(SAID, max_size=25), asked=ASKED)
def test_every_query_gives_what_a_sorted_list_does(
    words: Bench[Words], said: Sequence[WordSaid], asked: Asked
) -> None:
    words.wipe()
    words.take(*said)
    rows = {one.word: WordRow(**one.__dict__) for one in said}
    with words.read() as model:
        check_every_form(model, list(rows.values()), asked)


@QUICKLY
@given(said=st.lists(SAID, max_size=12), turns=TURNS, paged=st.sampled_from(sorted(PAGED)))
def test_pages_repeat_nothing_and_miss_nothing_that_stayed(
    words: Bench[Words], said: Sequence[WordSaid], turns: Sequence[Turn], paged: str
) -> None:
    words.wipe()
    page_through(words, said, turns, paged)


# --- reading --------------------------------------------------------------------------------------


def many(words: Bench[Words], number: int) -> None:
    words.take(*(WordSaid(word=f"{n:05}", number=n % 10, speaker="a") for n in range(number)))


def test_a_long_query_is_read_piece_by_piece(words: Bench[Words]) -> None:
    many(words, 2_500)
    with words.read() as model:
        assert [int(row.word) for row in model.rows.all()] == list(range(2_500))
        assert [int(row.word) for row in model.by_number[3]] == list(range(3, 2_500, 10))
        assert len(model.rows.all().list()) == model.rows.scan(bool).count() == 2_500
        assert [len(batch) for batch in model.rows.all().batches(1_000)] == [1_000, 1_000, 500]
        page = model.rows.all().page(1_000)
        assert len(model.rows.all().page(1_000, page.next).rows) == 1_000


def test_a_query_may_be_read_twice_and_by_two_at_a_time(words: Bench[Words]) -> None:
    many(words, 300)
    with words.read() as model:
        query = model.rows.all()
        assert [row.word for row, _ in zip(query, query, strict=True)] == [
            row.word for row in query
        ]


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_page_has_bounds(words: Bench[Words], limit: int) -> None:
    with words.read() as model, pytest.raises(Invalid, match="holds 1 to 1,000 rows, got"):
        model.rows.all().page(limit)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_something(words: Bench[Words], size: int) -> None:
    with words.read() as model, pytest.raises(Invalid, match="a whole number, 1 or more"):
        next(model.rows.all().batches(size))


def test_no_rows_may_be_asked_for(words: Bench[Words]) -> None:
    many(words, 3)
    with words.read() as model:
        assert model.rows.all().list(0) == []


def test_a_page_that_is_just_full_is_the_last_one(words: Bench[Words]) -> None:
    many(words, 4)
    with words.read() as model:
        first = model.rows.all().page(2)
        assert model.rows.all().page(2, first.next).next is None
        assert model.rows.all().page(4).next is None


def test_a_cursor_stays_good_when_its_row_is_gone(words: Bench[Words]) -> None:
    many(words, 40)
    with words.read() as model:
        forwards = model.by_number[3].page(2)
        backwards = model.by_number[3].reversed().page(2)
    words.take(*(WordForgotten(word=word) for word in ("00013", "00023")))
    with words.read() as model:
        assert [row.word for row in model.by_number[3].page(2, forwards.next).rows] == ["00033"]
        reverse = model.by_number[3].reversed()
        assert [row.word for row in reverse.page(2, backwards.next).rows] == ["00003"]


def test_texts_that_start_with_something_longer_than_a_key_are_refused_or_none(
    words: Bench[Words],
) -> None:
    many(words, 3)
    for text in ("x" * 499, "x" * 2_000):
        with words.read() as model:
            try:
                found = model.rows.starting(text).list()
            except Invalid:
                continue
            assert found == []


def test_the_class_itself_selects_the_same(words: Bench[Words]) -> None:
    many(words, 30)
    pairs: list[tuple[Selection[WordRow], Callable[[Words], Query[WordRow]]]] = [
        (Words.rows.all(), lambda model: model.rows.all()),
        (Words.rows["00003"], lambda model: model.rows.where(word="00003")),
        (Words.rows.between("00003", "00009"), lambda model: model.rows.between("00003", "00009")),
        (Words.by_number[3], lambda model: model.by_number[3]),
        (Words.by_speaker.prefix("a"), lambda model: model.by_speaker.prefix("a")),
        (Words.pairs["a", "00001"], lambda model: model.pairs["a", "00001"]),
        (Words.rows.where(number=3), lambda model: model.rows.where(number=3)),
    ]
    with words.read() as model:
        for selection, query in pairs:
            assert bound(model, selection).list() == query(model).list() != []
    assert repr(Words.by_number[3]) == "Selection(by_number, at 3)"


# --- other shapes ---------------------------------------------------------------------------------


class Brief(NamedTuple):
    cost: Decimal
    card: str


class Tagged(NamedTuple):
    tags: tuple[str, ...]


class Short(Row):
    title: str
    number: int | None
    cost: Decimal


class Wrong(NamedTuple):
    card: str
    colour: str


class Unlike(NamedTuple):
    number: int


class UnlikeRow(Row):
    number: int


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path / "cards")
    bench.take(
        CardAdded(card="b", title="B", tags=("x", "y"), owner="ann"),
        CardAdded(card="a", title="A", owner="ann"),
        CardEstimated(card="a", points=1, cost=Decimal("1.50")),
        CardNumbered(card="b", number=7),
    )
    yield bench
    bench.close()


def test_rows_are_read_into_named_tuples_with_some_columns(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        assert model.rows.all().into(Brief).list() == [
            Brief(Decimal("1.50"), "a"),
            Brief(Decimal(0), "b"),
        ]
        assert model.rows.all().into(Tagged).list() == [Tagged(()), Tagged(("x", "y"))]


def test_pages_of_a_scan_hold_all_that_is_wanted_once(words: Bench[Words]) -> None:
    many(words, 100)
    with words.read() as model:
        for query in (model.rows.scan(_is_third), model.rows.scan(_is_third).reversed()):
            cursor, rows = None, list[WordRow]()
            while cursor is not None or not rows:
                page = query.page(7, cursor)
                assert len(page.rows) == 7 or page.next is None
                rows += page.rows
                cursor = page.next
            assert rows == query.list()
            assert sorted(int(row.word) for row in rows) == list(range(0, 100, 3))


def _is_third(row: WordRow) -> bool:
    return int(row.word) % 3 == 0


def test_rows_are_read_into_any_number_of_classes(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        expected = [row.title for row in model.rows.all()]
        for _ in range(100):

            class Titled(NamedTuple):
                title: str

            class Titles(Row):
                title: str

            assert [row.title for row in model.rows.all().into(Titled)] == expected
            assert [row.title for row in model.rows.all().into(Titles)] == expected
    assert len(Cards.rows.codec._parts) <= 64  # pyright: ignore[reportPrivateUsage] - its memory


def test_rows_are_read_into_smaller_rows(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        found = model.by_owner["ann"].into(Short).list()
    assert found == [
        Short(title="A", number=None, cost=Decimal("1.50")),
        Short(title="B", number=7, cost=Decimal(0)),
    ]
    assert [repr(one) for one in found] == [repr(Short(**one.__dict__)) for one in found]


def test_a_query_with_another_shape_is_a_query(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        query = model.by_owner["ann"].into(Brief)
        assert query.reversed().first() == Brief(Decimal(0), "b")
        assert (query.count(), query.exists()) == (2, True)
        page = query.page(1)
        assert page.rows == [Brief(Decimal("1.50"), "a")]
        assert model.by_owner["ann"].page(1, page.next).rows == [model.rows["b", "b"]]
        scanned = model.rows.scan(lambda row: row.number is not None).into(Brief)
        assert scanned.list() == [Brief(Decimal(0), "b")]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Wrong, r"Wrong\.colour: CardRow has no such field"),
        (Unlike, r"Unlike\.number is <class 'int'>, and CardRow\.number is .*None.*same type"),
        (UnlikeRow, r"UnlikeRow\.number is <class 'int'>, and CardRow\.number is"),
        (dict, "expected a NamedTuple or Row with some of the table's fields"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(
    cards: Bench[Cards], kind: type[object], said: str
) -> None:
    with cards.read() as model, pytest.raises(WiringError, match=said):
        model.rows.all().into(kind)


# --- plans ----------------------------------------------------------------------------------------

PLANS: dict[str, Callable[[Words], Query[WordRow]]] = {
    "the key of rows, everything, in order": lambda model: model.rows.all(),
    "the key of rows, from 'a' to before 'b', in order": lambda model: model.rows.between("a", "b"),
    "the key of rows, before 'a', backwards": lambda model: model.rows.before("a").reversed(),
    "the key of rows, from 'a' on, in order": lambda model: model.rows.since("a"),
    "the key of rows, after 'a', in order": lambda model: model.rows.after("a"),
    "the key of rows, starting with 'a', in order": lambda model: model.rows.starting("a"),
    "the key of rows, word = 'a', in order": lambda model: model.rows.where(word="a"),
    "index by_number, at 3, in order, then the row of each entry from rows": (
        lambda model: model.by_number[3]
    ),
    "index by_speaker, beginning with 'a', in order, then the row of each entry from rows": (
        lambda model: model.by_speaker.prefix("a")
    ),
    "index by_speaker, speaker = 'a', number = 1, in order, then the row of each entry from rows": (
        lambda model: model.rows.where(speaker="a", number=1)
    ),
    "the key of rows, all that pass the test, in order; every row is read and tested": (
        lambda model: model.rows.scan(bool)
    ),
}


@pytest.mark.parametrize("sentence", PLANS)
def test_a_query_says_how_it_is_answered(words: Bench[Words], sentence: str) -> None:
    with words.read() as model:
        plan = PLANS[sentence](model).explain()
    assert str(plan) == sentence
    assert plan.scan == ("read and tested" in sentence)
    assert plan.backwards == ("backwards" in sentence)
    assert plan.table == "rows"


# --- where ----------------------------------------------------------------------------------------


class Job(Event):
    job: Key[str]
    team: str | None = None
    state: str = "open"
    worker: str | None = None


class JobRow(Row):
    job: str
    team: str | None
    state: str
    worker: str | None


def is_done(state: str) -> str | None:
    return None if state is DONE else state


DONE = "done"


class Jobs(ReadModel[Job]):
    rows = Table(JobRow, key=lambda row: row.job)
    open_of = rows.index(lambda row: None if row.state is DONE else row.team)
    states = rows.index(lambda row: is_done(row.state))
    by_team = rows.index(lambda row: (row.team, descending(row.state), row.job))
    by_worker = rows.index(lambda row: row.worker)

    def project(self, event: Job, at: Recorded) -> None:
        self.rows.put(JobRow(**event.__dict__))


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Bench[Jobs]]:
    bench = Bench(Jobs, tmp_path / "jobs")
    bench.take(
        Job(job="1", team="x", state=DONE, worker="ann"),
        Job(job="2", team="x", worker="bob"),
        Job(job="3"),
        Job(job="4", team="y", state=DONE, worker="ann"),
    )
    yield bench
    bench.close()


WHERE: list[tuple[dict[str, Any], str | None, str]] = [
    ({"job": "3"}, None, "3"),
    ({"worker": "ann"}, "by_worker", "14"),
    ({"team": "x"}, "by_team", "21"),
    ({"team": None}, "by_team", "3"),
    ({"state": "open", "team": "x"}, "by_team", "2"),
    ({"team": "x", "state": DONE, "job": "1"}, "by_team", "1"),
    ({"team": None, "state": "open"}, "by_team", "3"),
    ({"team": "x", "state": DONE, "job": "2"}, "by_team", ""),
]


@pytest.mark.parametrize(("fields", "index", "found"), WHERE)
def test_where_finds_an_index_that_has_all_such_rows(
    jobs: Bench[Jobs], fields: dict[str, Any], index: str | None, found: str
) -> None:
    with jobs.read() as model:
        query = model.rows.where(**fields)
        assert query.explain().served_by == index
        assert "".join(row.job for row in query) == found


UNSERVED: list[tuple[dict[str, Any], str]] = [
    (
        {"state": "open"},
        r"serves state = 'open': declare rows\.index\(lambda row: row\.state\), or",
    ),
    ({"worker": None}, r"serves worker = None: .*scan"),
    (
        {"state": "x", "worker": "y"},
        r"serves state = 'x', worker = 'y': declare .*lambda row: \(row\.state, row\.worker\)",
    ),
    ({"team": "x", "job": "1"}, r"declare rows\.index\(lambda row: \(row\.team, row\.job\)\)"),
]


@pytest.mark.parametrize(("fields", "said"), UNSERVED)
def test_where_says_which_index_is_missing(
    jobs: Bench[Jobs], fields: dict[str, Any], said: str
) -> None:
    with jobs.read() as model, pytest.raises(Unserved, match=said):
        model.rows.where(**fields)
    with pytest.raises(Unserved, match=said):
        Jobs.rows.where(**fields)


@pytest.mark.parametrize("fields", [{}, {"colour": "red"}, {"job": "1", "colour": "red"}])
def test_where_takes_fields_of_the_row(jobs: Bench[Jobs], fields: dict[str, Any]) -> None:
    with jobs.read() as model, pytest.raises(Invalid, match=r"rows\.where: expected fields of Job"):
        model.rows.where(**fields)


def test_a_scan_looks_at_every_row(jobs: Bench[Jobs]) -> None:
    seen: list[str] = []

    def look(row: JobRow) -> bool:
        seen.append(row.job)
        return row.worker is None

    with jobs.read() as model:
        assert [row.job for row in model.rows.scan(look)] == ["3"]
        assert seen == ["1", "2", "3", "4"]
        assert model.rows.scan(look).page(1).next is None
        assert model.rows.scan(look).reversed().first() is not None
