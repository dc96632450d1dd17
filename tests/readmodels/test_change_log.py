"""The change log: exactly what each batch has changed, for who reads in another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.readmodels.bench import Bench, batch_of
from tests.readmodels.cards import (
    BoardCounted,
    CardAdded,
    CardEvent,
    CardMoved,
    CardRekeyed,
    CardRemoved,
    CardRow,
    Cards,
    ColumnCleared,
    CountRow,
    same,
)

from comity.engine.errors import StorageFailed
from comity.engine.lmdb.span import EVERYTHING
from comity.readmodels import Row
from comity.readmodels.keys.encoding import decode, encode
from comity.readmodels.projecting.change_log import MOST, changes_after
from comity.readmodels.projecting.projection import CannotProject
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.binding import Binding
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.schema import CHANGES

CODECS = {table.name: table.codec for table in Cards.schema.tables}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path_factory.mktemp("cards") / "cards")
    yield bench
    bench.close()


@pytest.fixture
def cards(made: Bench[Cards]) -> Bench[Cards]:
    made.wipe()
    return made


def after(bench: Bench[Cards], commit: int) -> list[Sequence[RowChange]] | None:
    """The changes of each batch after this one, as another process reads them."""
    with bench.environment.reading() as reading:
        found = changes_after(reading, commit, CODECS)
        return None if found is None else list(found)


def row(card: str, column: str = "todo") -> CardRow:
    return CardRow(board="b", card=card, title="x", column=column)


def added(card: str, column: str = "todo") -> CardAdded:
    return CardAdded(card=card, title="x", column=column)


def change(old: CardRow | None, new: CardRow | None) -> RowChange:
    one = old or new
    assert one is not None
    return RowChange("rows", encode((one.board, one.card)), old, new)


def test_each_batch_says_which_rows_it_has_changed(cards: Bench[Cards]) -> None:
    one = cards.take(added("a"), added("b"))
    two = cards.take(CardMoved(card="a", column="doing"), CardRemoved(card="b"))
    assert list(one) == [change(None, row("a")), change(None, row("b"))]
    assert list(two) == [change(row("a"), row("a", "doing")), change(row("b"), None)]
    assert after(cards, 0) == [list(one), list(two)]
    assert after(cards, 1) == [list(two)]
    assert after(cards, 2) == []


def test_who_has_fewer_tables_passes_over_the_rows_of_the_others(cards: Bench[Cards]) -> None:
    (one, _) = cards.take(added("a"), BoardCounted(name="now"))
    with cards.environment.reading() as reading:
        found = changes_after(reading, 0, {"rows": CODECS["rows"]})
        assert found is not None
        assert list(found) == [[one]]


def test_a_row_that_is_as_it_was_has_not_changed(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    for events in (
        [added("a")],
        [CardMoved(card="a", column="doing"), CardMoved(card="a", column="todo")],
        [CardRemoved(card="a"), added("a")],
        [added("b"), CardRemoved(card="b")],
        [CardRemoved(card="there is none")],
    ):
        assert not cards.take(*events)
    assert after(cards, 1) == []


def test_a_row_with_another_key_is_gone_and_another_one_there(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    found = cards.take(CardRekeyed(card="a", to="b"))
    assert list(found) == [change(row("a"), None), change(None, row("b"))]


def test_rows_of_every_table_are_told(cards: Bench[Cards]) -> None:
    cards.take(added("a"), BoardCounted(name="x"))
    found = after(cards, 0)
    assert found is not None
    assert [(one.table, decode(one.key), type(one.new)) for one in found[0]] == [
        ("rows", ("b", "a"), CardRow),
        ("counts", ("b", "x"), CountRow),
    ]


def test_a_batch_that_is_told_to_nobody_begins_the_log_again(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    cards.projection.take(cards.make(added("b")), telling=False)
    assert after(cards, 0) is None
    assert after(cards, 1) is None
    assert after(cards, 2) == []
    cards.take(added("c"))
    assert after(cards, 1) is None
    assert after(cards, 2) == [[change(None, row("c"))]]


def test_only_the_newest_batches_are_kept(cards: Bench[Cards]) -> None:
    number = MOST + 10
    for n in range(number):
        cards.take(added(f"{n:03}"))
    assert after(cards, number - MOST - 1) is None
    kept = after(cards, number - MOST)
    assert kept is not None
    assert [batch[0].new for batch in kept] == [row(f"{n:03}") for n in range(10, number)]
    with cards.environment.reading() as reading:
        assert reading.count(reading.handles[CHANGES], EVERYTHING) == MOST


def test_batches_that_change_nothing_take_no_room(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    for n in range(2 * MOST):
        position = cards.projection.checkpoint.position
        cards.projection.take(batch_of([], 10 + n, after=position))
    assert after(cards, 0) == [[change(None, row("a"))]]
    assert after(cards, 1) == []


def test_a_batch_that_is_too_large_begins_the_log_again(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    large = [CardAdded(card=f"{n}", title="x" * 100, tags=("y" * 300,) * 40) for n in range(100)]
    assert len(cards.take(*large)) == 100
    assert after(cards, 1) is None
    assert after(cards, 2) == []
    cards.take(added("b"))
    assert after(cards, 1) is None
    assert after(cards, 2) == [[change(None, row("b"))]]


def test_a_log_begins_anew_when_the_model_is_opened(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    cards.take(added("b"))
    cards.reopen()
    assert after(cards, 0) is not None, "nothing was written yet"
    cards.take(added("c"))
    assert after(cards, 1) is None
    assert after(cards, 2) == [[change(None, row("c"))]]


def test_a_batch_that_failed_is_not_in_the_log(cards: Bench[Cards]) -> None:
    cards.take(added("a"))
    with pytest.raises(CannotProject):
        cards.take(added("b"), CardMoved(card="none", column="x"))
    cards.position = 1
    cards.take(added("c"))
    assert after(cards, 1) == [[change(None, row("c"))]]


def test_parking_that_failed_does_not_harm_the_log(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(MOST):
        cards.take(added(f"{n:03}"))
    cards.reopen()
    first = cards.position
    with monkeypatch.context() as patch:
        patch.setattr(Writing, "commit", refuse)
        with pytest.raises(StorageFailed):
            cards.projection.set_aside(cards.make(added("x")).events[0], ValueError("no"))
    cards.position = first
    for n in range(MOST + 5):
        cards.take(added(f"{n:03}", "doing"))
    last = after(cards, cards.projection.checkpoint.commits - 1)
    assert last is not None
    assert [one.new for one in last[0]] == [row(f"{MOST + 4:03}", "doing")]
    with cards.environment.reading() as reading:
        assert reading.count(reading.handles[CHANGES], EVERYTHING) == MOST


def refuse(_: Writing) -> None:
    raise StorageFailed("no")


CARD = st.sampled_from("abc")
TAKEN = st.lists(
    st.builds(CardAdded, card=CARD, title=st.sampled_from("xy"))
    | st.builds(CardRemoved, card=CARD)
    | st.builds(BoardCounted, name=CARD)
    | st.builds(ColumnCleared, column=st.just("todo"))
    | st.builds(CardMoved, card=CARD, column=st.just("x")),  # which fails, now and then
    max_size=4,
)


class Turn(NamedTuple):
    """A batch, and what happens before and after it."""

    events: Sequence[CardEvent]
    reopened: bool
    telling: bool
    looked: bool


SELDOM = st.sampled_from([False, False, False, False, False, True])
TURNS = st.lists(
    st.builds(Turn, TAKEN, SELDOM, SELDOM.map(lambda so: not so), st.booleans()), max_size=15
)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=TURNS)
def test_who_follows_the_log_has_the_rows(cards: Bench[Cards], turns: Sequence[Turn]) -> None:
    follow_the_log(cards, turns)


def follow_the_log(cards: Bench[Cards], turns: Sequence[Turn]) -> None:
    """Read the log now and then, and begin again where it does not go back so far.

    Raises:
        Differs: the rows are not those that the tables have.
    """
    cards.wipe()
    rows: dict[tuple[str, bytes], Row] = {}
    seen = 0
    for events, reopened, telling, looked in turns:
        if reopened:
            cards.reopen()
        cards.take_or_pass_over(cards.make(*events), telling=telling)
        if looked:
            seen = catch_up(cards, rows, seen)
    catch_up(cards, rows, seen)
    same("rows", rows, present(cards))


def catch_up(bench: Bench[Cards], rows: dict[tuple[str, bytes], Row], seen: int) -> int:
    """Do what a watcher does."""
    found = after(bench, seen)
    if found is None:
        rows.clear()
        rows.update(present(bench))
    for table, key, old, new in (one for batch in found or () for one in batch):
        same("old", rows.get((table, key)), old)
        if new is None:
            del rows[table, key]
        else:
            rows[table, key] = new
    return bench.projection.checkpoint.commits


def present(bench: Bench[Cards]) -> Mapping[tuple[str, bytes], Row]:
    """The rows of all tables."""
    with bench.environment.reading() as reading:
        found = Binding(reading)
        return {
            (table.name, key): table.codec.unpack(data)
            for table in Cards.schema.tables
            for key, data in found.reading.entries(
                found.handle(table.stored_as), EVERYTHING, 10_000, after=None, backwards=False
            )
        }


def test_another_process_reads_the_same(cards: Bench[Cards], tmp_path: Path) -> None:
    cards.take(added("a"))
    cards.environment.copy(tmp_path)
    other = Environment(tmp_path, cards.model.schema.described.tables, read_only=True)
    with other.reading() as reading:
        found = changes_after(reading, 0, CODECS)
        assert found is not None
        assert list(found) == [[change(None, row("a"))]]
    other.close()
