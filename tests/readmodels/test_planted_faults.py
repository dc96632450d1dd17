"""The property checks are worth something: each of these faults, once planted, they find."""

# Faults are planted where nobody else may reach.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar, cast

import lmdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.readmodels.asking import (
    ASKED,
    PAGED,
    SAID,
    TURNS,
    Asked,
    Turn,
    WordRow,
    Words,
    WordSaid,
    check_every_form,
    page_through,
)
from tests.readmodels.bench import Bench
from tests.readmodels.cards import CardEvent, Cards, agree, same
from tests.readmodels.streams import STREAM, Step, follow
from tests.readmodels.test_change_log import TURNS as LOG_TURNS
from tests.readmodels.test_change_log import Turn as LogTurn
from tests.readmodels.test_change_log import follow_the_log
from tests.readmodels.test_exactly_once import ERRORS, FIRST, SECOND, failing, fold
from tests.readmodels.test_indexes import CUTS, EVENTS, compare

from comity.engine.errors import ComityError
from comity.engine.history.batch import Batch
from comity.engine.lmdb import span as lmdb_span
from comity.engine.lmdb.span import Entry, Span
from comity.readmodels.keys.encoding import after, encode
from comity.readmodels.keys.value import Descending
from comity.readmodels.projecting.change_log import ChangeLog
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.storage.reading import Reading
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables import ranges, serving
from comity.readmodels.tables.any_table import AnyIndex, AnyTable
from comity.readmodels.tables.binding import Binding
from comity.readmodels.tables.figure import Figure
from comity.readmodels.tables.figure_work import FigureWork
from comity.readmodels.tables.query import Page, Query
from comity.readmodels.tables.row import Row
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, Checkpoint
from comity.readmodels.tables.table_work import TableWork
from comity.readmodels.tables.unique_work import UniqueWork

Plant = pytest.MonkeyPatch
Moves = Sequence[RowChange]

THOROUGHLY = settings(
    deadline=None,
    max_examples=500,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Benches(NamedTuple):
    """Where the checks are done."""

    cards: Bench[Cards]
    words: Bench[Words]


# --- the checks -----------------------------------------------------------------------------------


def streams(benches: Benches) -> None:
    """The model is the fold of its events."""

    @THOROUGHLY
    @given(stream=STREAM)
    def check(stream: Sequence[Step]) -> None:
        benches.cards.wipe()
        follow(benches.cards, stream)

    check()


def cuts(benches: Benches) -> None:
    """It is the same however the events are cut into batches."""

    @THOROUGHLY
    @given(events=EVENTS, cuts=CUTS)
    def check(events: Sequence[CardEvent], cuts: set[int]) -> None:
        compare(benches.cards, events, cuts)

    check()


def questions(benches: Benches) -> None:
    """Queries give what a sorted list does."""

    @THOROUGHLY
    @given(said=st.lists(SAID, max_size=25), asked=ASKED)
    def check(said: Sequence[WordSaid], asked: Asked) -> None:
        benches.words.wipe()
        benches.words.take(*said)
        rows = {one.word: WordRow(**one.__dict__) for one in said}
        with benches.words.read() as model:
            check_every_form(model, list(rows.values()), asked)

    check()


def paging(benches: Benches) -> None:
    """Pages repeat nothing and miss nothing."""

    @THOROUGHLY
    @given(said=st.lists(SAID, max_size=12), turns=TURNS, paged=st.sampled_from(sorted(PAGED)))
    def check(said: Sequence[WordSaid], turns: Sequence[Turn], paged: str) -> None:
        benches.words.wipe()
        page_through(benches.words, said, turns, paged)

    check()


def logs(benches: Benches) -> None:
    """Who follows the change log has the rows."""

    @THOROUGHLY
    @given(turns=LOG_TURNS)
    def check(turns: Sequence[LogTurn]) -> None:
        follow_the_log(benches.cards, turns)

    check()


def failures(benches: Benches) -> None:
    """A batch whose n-th writing fails leaves nothing, and comes about when it is tried again."""
    cards, number = benches.cards, 0
    cards.wipe()
    cards.take(*FIRST)
    before = cards.everything()
    while True:
        number += 1
        cards.position = len(FIRST)
        batch = cards.make(*SECOND)
        with pytest.MonkeyPatch.context() as patch:
            failing(number, ERRORS["full"][0], patch)
            try:
                cards.projection.take(batch)
            except ComityError:
                same("what is stored", cards.everything(), before)
                continue
        break
    with cards.read() as model:
        agree(model, fold(*FIRST, *SECOND))


Check = Callable[[Benches], None]
Fault = Callable[[Plant], None]
FAULTS: dict[str, tuple[Check, Fault]] = {}
F = TypeVar("F", bound=Fault)


def found_by(check: Check) -> Callable[[F], F]:
    """Add a fault, under what its name says."""

    def add(plant: F) -> F:
        FAULTS[plant.__name__.replace("_", " ")] = (check, plant)
        return plant

    return add


# --- faults of writing ----------------------------------------------------------------------------


@found_by(streams)
def index_entries_are_not_deleted(plant: Plant) -> None:
    def write_index(self: TableWork[Row], index: AnyIndex, moves: Moves) -> None:
        handle = self._writing.handles[index.stored_as]
        puts = [(entry, key) for _, key, _, new in moves if new for entry in index.entries(new)]
        self._writing.put_all(handle, sorted(puts))

    plant.setattr(TableWork, "_write_index", write_index)


@found_by(streams)
def only_the_first_of_several_entries_is_written(plant: Plant) -> None:
    moved = AnyIndex.moved

    def fewer(
        self: AnyIndex, old: Row | None, new: Row | None
    ) -> tuple[set[bytes], set[bytes]] | None:
        found = moved(self, old, new)
        return found and (found[0], set(sorted(found[1])[:1]))

    plant.setattr(AnyIndex, "moved", fewer)


@found_by(streams)
def a_failed_batch_stays_in_memory(plant: Plant) -> None:
    def forget(self: TableWork[Row]) -> None:
        self._changed.clear()

    plant.setattr(TableWork, "forget", forget)


@found_by(streams)
def a_failed_batchs_figures_stay_in_memory(plant: Plant) -> None:
    def forget(self: FigureWork) -> None:
        self._added.clear()

    plant.setattr(FigureWork, "forget", forget)


@found_by(streams)
def rows_in_memory_grow_stale(plant: Plant) -> None:
    flush = TableWork[Row].flush

    def keep_the_old(self: TableWork[Row]) -> Moves:
        known = dict(self._known)
        changes = flush(self)
        self._known.update(known)
        return changes

    plant.setattr(TableWork, "flush", keep_the_old)


@found_by(streams)
def figures_are_not_counted_down(plant: Plant) -> None:
    add = FigureWork.add

    def only_up(self: FigureWork, group: bytes, members: int, number: int | Decimal) -> None:
        if members >= 0:
            add(self, group, members, number)

    plant.setattr(FigureWork, "add", only_up)


@found_by(streams)
def groups_that_are_empty_stay(plant: Plant) -> None:
    plant.setattr(Figure, "is_nothing", False)


@found_by(streams)
def groups_that_come_to_nothing_vanish_with_their_rows(plant: Plant) -> None:
    plant.setattr(Figure, "is_nothing", property(lambda self: self.number == 0))


@found_by(streams)
def project_does_not_see_its_batch(plant: Plant) -> None:
    def settled(self: Binding) -> Reading:
        return self.reading

    plant.setattr(Binding, "settled", settled)


@found_by(cuts)
def a_unique_key_is_looked_up_in_the_tables_alone(plant: Plant) -> None:
    def owner(self: UniqueWork, entry: bytes) -> bytes | None:
        return self._writing.get(self._handle, entry)

    plant.setattr(UniqueWork, "_owner", owner)


@found_by(cuts)
def a_unique_key_is_never_free_again(plant: Plant) -> None:
    def take(self: UniqueWork, key: bytes, moved: tuple[set[bytes], set[bytes]]) -> None:
        for entry in moved[1]:
            self._owners[entry] = key

    plant.setattr(UniqueWork, "take", take)


@found_by(streams)
def an_update_of_a_key_leaves_the_old_row(plant: Plant) -> None:
    def move(self: TableWork[Row], old: bytes, new: bytes, row: Row) -> None:
        self.put(new, row)

    plant.setattr(TableWork, "move", move)


@found_by(failures)
def the_checkpoint_is_written_in_a_transaction_of_its_own(plant: Plant) -> None:
    def take(self: Projection, batch: Batch, *, telling: bool = True) -> Sequence[RowChange]:
        self._work.changes = []
        try:
            with self.environment.writing() as writing:
                self._apply(writing, batch.events, set())
            moved = Checkpoint(batch.position, 0, complete=True, commits=0)
            with self.environment.writing() as writing:
                writing.put(writing.handles[META], CHECKPOINT, moved.pack())
        except BaseException:
            self._forget()
            raise
        self.checkpoint = moved
        return ()

    plant.setattr(Projection, "take", take)


@found_by(failures)
def memory_is_kept_when_storage_fails(plant: Plant) -> None:
    def keep(self: Projection) -> None:
        pass

    plant.setattr(Projection, "_forget", keep)


@found_by(failures)
def a_transaction_that_fails_is_committed(plant: Plant) -> None:
    def abort(self: Writing) -> None:
        txn, self._txn = self._txn, None
        if txn is not None:
            txn.commit()

    plant.setattr(Writing, "abort", abort)


@found_by(logs)
def rows_that_are_gone_are_not_told(plant: Plant) -> None:
    flush = TableWork[Row].flush

    def tell(self: TableWork[Row]) -> Moves:
        return [change for change in flush(self) if change.new]

    plant.setattr(TableWork, "flush", tell)


@found_by(logs)
def what_nobody_was_told_is_not_missed(plant: Plant) -> None:
    write = ChangeLog.write

    def as_if_nothing(
        self: ChangeLog, writing: Writing, commit: int, changes: Sequence[RowChange] | None
    ) -> None:
        write(self, writing, commit, changes or [])

    plant.setattr(ChangeLog, "write", as_if_nothing)


# --- faults of asking -----------------------------------------------------------------------------


@found_by(paging)
def a_cursor_is_inclusive(plant: Plant) -> None:
    def seek(cursor: lmdb.Cursor[bytes], span: Span, after: Entry | None, *, several: bool) -> bool:
        if after is None:
            return cursor.set_range(span.low) if span.low else cursor.first()
        return cursor.set_range_dup(*after) if several else cursor.set_range(after[0])

    plant.setattr(lmdb_span, "_seek", seek)


@found_by(paging)
def a_cursor_that_goes_back_skips_the_rows_of_its_key(plant: Plant) -> None:
    def seek_back(
        cursor: lmdb.Cursor[bytes], span: Span, before: Entry | None, *, several: bool
    ) -> bool:
        bound = span.high if before is None else before[0]
        if bound is not None and cursor.set_range(bound):
            return cursor.prev()
        return cursor.last()

    plant.setattr(lmdb_span, "_seek_back", seek_back)


@found_by(paging)
def a_cursor_counts_rows(plant: Plant) -> None:
    """As OFFSET does: rows that come before it push others over the page's edge."""
    offsets: dict[str, int] = {}

    def by_number(self: Query[WordRow], limit: int, after: str | None = None) -> Page[WordRow]:
        skipped = offsets[after] if after else 0
        found = self.list(skipped + limit + 1)[skipped:]
        mark = f"{len(offsets)}"
        offsets[mark] = skipped + limit
        return Page(found[:limit], mark if len(found) > limit else None)

    plant.setattr(Query, "page", by_number)


@found_by(questions)
def the_upper_bound_is_in_the_range(plant: Plant) -> None:
    def between(self: ranges.Ranges[object, object], low: object, high: object) -> object:
        return self._ask(Span(encode(low), encode(high) + b"\0"), "")

    plant.setattr(ranges.Ranges, "between", between)


@found_by(questions)
def a_prefix_goes_on_to_the_end(plant: Plant) -> None:
    def under(start: bytes) -> Span:
        return Span(start, None)

    plant.setattr(ranges, "_under", under)


@found_by(questions)
def a_prefix_ends_one_byte_too_late(plant: Plant) -> None:
    def under(start: bytes) -> Span:
        return Span(start, after(after(start) or start))

    plant.setattr(ranges, "_under", under)


@found_by(questions)
def what_is_falling_rises(plant: Plant) -> None:
    plain = index_key(Words.by_three)

    def rise(row: Row) -> Iterable[object]:
        for speaker, number, word in plain(row):
            yield speaker, number.value, word

    plant.setattr(Words.by_three, "keys", rise)


def index_key(index: AnyIndex) -> Callable[[Row], Iterable[tuple[str, Descending[int], str]]]:
    """How the index finds its keys."""
    return cast("Callable[[Row], Iterable[tuple[str, Descending[int], str]]]", index.keys)


@found_by(questions)
def a_count_leaves_out_rows_with_the_same_key(plant: Plant) -> None:
    def count(cursor: lmdb.Cursor[bytes], span: Span, *, several: bool) -> int:
        found = cursor.set_range(span.low) if span.low else cursor.first()
        total = 0
        while found and (span.high is None or cursor.key() < span.high):
            total += 1
            found = cursor.next_nodup()
        return total

    plant.setattr(lmdb_span, "_count", count)


@found_by(questions)
def where_takes_any_index_with_the_first_field(plant: Plant) -> None:
    serve = serving.serve

    def less(table: AnyTable, fields: dict[str, object]) -> object:
        first = next(iter(sorted(fields)))
        return serve(table, {first: fields[first]})

    for module in ("rows", "table"):
        plant.setattr(f"comity.readmodels.tables.{module}.serve", less)


# --- whether they are found -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    folder = tmp_path_factory.mktemp("benches")
    benches = Benches(Bench(Cards, folder / "cards"), Bench(Words, folder / "words"))
    yield benches
    for bench in benches:
        bench.close()


@pytest.mark.parametrize("planted", FAULTS)
def test_it_is_found_when(planted: str, monkeypatch: Plant, benches: Benches) -> None:
    check, plant = FAULTS[planted]
    with monkeypatch.context() as patch:
        plant(patch)
        with pytest.raises((AssertionError, CannotProject, ComityError, lmdb.Error)):
            check(benches)
