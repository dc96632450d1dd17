"""Changes that all watches of a selection share: the same updates, bounded memory, nothing lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from tests.actors.notebook import Stamp, Write, notebook
from tests.actors.shelf import PageRow, Pages, ready, write

from comity.actors import Domain, Update, Watch
from comity.actors.reading import changes as changes_module
from comity.actors.reading import watch as watch_module
from comity.actors.reading.changes import MOST_WAITING, Changes
from comity.actors.reading.selections import Selections, common_start
from comity.actors.runtime.pending import Pending
from comity.engine.lmdb.span import EVERYTHING, Span
from comity.readmodels.keys.encoding import after, encode
from comity.readmodels.tables.query import Query, Selection
from comity.readmodels.tables.row import Row
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.state import Checkpoint

BOOKS, PAGES, WORDS = "abc", "pqrstuvw", ("", "red", "blue", "red blue", "green")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Domain]:
    with Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages]) as domain:
        yield ready(domain, Pages)


def _said(update: Update[PageRow]) -> tuple[str, str]:
    return update.kind, "" if update.row is None else update.row.text


def _row(page: str, text: str = "x") -> PageRow:
    return PageRow(book="b", page=page, text=text, changed=1)


# --- one update for all ---------------------------------------------------------------------------


def _told(domain: Domain, *watches: Watch[PageRow]) -> list[list[Update[PageRow]]]:
    """What each watch gives until all that is written has been told."""
    end = write(domain, "z", "end", "end")
    domain.reached(Pages, end, timeout=60).result(60)
    return [_waiting(watch) for watch in watches]


def _waiting(watch: Watch[PageRow]) -> list[Update[PageRow]]:
    return list(iter(lambda: watch.next(timeout=0), None))


def test_equal_watches_get_the_very_same_updates(shelf: Domain) -> None:
    watches = [shelf.watch(Pages.rows.prefix("b")) for _ in range(3)]
    for page, text in [("p", "one"), ("q", "two"), ("p", "")]:
        shelf.reached(Pages, write(shelf, "b", page, text), timeout=60).result(60)
    first, *others = _told(shelf, *watches)
    assert [update.kind for update in first] == ["put", "gone"], "the newest of each row"
    for other in others:
        assert all(mine is its for mine, its in zip(first, other, strict=True))


def test_watches_of_other_selections_share_the_update_of_a_row(shelf: Domain) -> None:
    selections = Pages.rows["b", "p"], Pages.rows.all(), Pages.by_text["x"], Pages.by_word["x"]
    watches = [shelf.watch(selection) for selection in selections]
    write(shelf, "b", "p", "x")
    one, *others = ([at for at in each if at.row is not None and at.row.page == "p"] for each in
                    _told(shelf, *watches))  # fmt: skip
    assert all(other[0] is one[0] for other in others)


def test_a_row_that_leaves_one_selection_and_joins_another_is_told_to_both(shelf: Domain) -> None:
    write(shelf, "b", "p", "red")
    _told(shelf)
    reds, blues = shelf.watch(Pages.by_text["red"]), shelf.watch(Pages.by_text["blue"])
    write(shelf, "b", "p", "blue")
    red, blue = _told(shelf, reds, blues)
    assert [_said(at) for at in red] == [
        ("present", "red"),
        ("gone", "red"),
    ]
    assert [_said(at) for at in blue] == [("put", "blue")]


def test_what_a_snapshot_has_shown_is_not_followed_by_an_older_state(shelf: Domain) -> None:
    """A commit may be told after a watch has read it: then the row is read again."""
    write(shelf, "b", "p", "old")
    write(shelf, "b", "p", "new")
    _told(shelf)
    watch = shelf.watch(Pages.rows.all())
    shown = [at.row.text for at in _waiting(watch) if at.row is not None and at.row.page == "p"]
    late = RowChange("rows", encode(("b", "p")), None, _row("p", "old"))
    shelf.model(Pages).access.hub.tell([late], Checkpoint(position=1, commits=1))
    shown += [at.row.text for at in _waiting(watch) if at.row is not None]
    assert shown == ["new", "new"]


def test_one_batch_tells_each_row_once(shelf: Domain) -> None:
    watch = shelf.watch(Pages.rows.all())
    rows = [_row("p", text) for text in ("one", "two", "three")]
    key, olds = encode(("b", "p")), [None, *rows]
    batch = [RowChange("rows", key, *pair) for pair in pairwise(olds)]
    come_and_gone = [
        RowChange("rows", encode(("b", "q")), None, _row("q")),
        RowChange("rows", encode(("b", "q")), _row("q"), None),
    ]
    checkpoint = Checkpoint(position=9, commits=1_000)
    shelf.model(Pages).access.hub.tell([*batch, *come_and_gone], checkpoint)
    assert _waiting(watch) == [Update("put", rows[-1], 9)]


# --- any changes, any selections ------------------------------------------------------------------


@dataclass
class Reader:
    """A consumer, and the rows on its screen."""

    watch: Watch[PageRow]
    slowness: float
    """How often it does not look."""
    screen: dict[tuple[str, str], PageRow] = field(default_factory=dict[tuple[str, str], PageRow])
    position: int = 0
    updates: list[Update[PageRow]] = field(default_factory=list[Update[PageRow]])

    def look(self) -> None:
        """Take all that is there."""
        for update in _waiting(self.watch):
            assert update.position >= self.position, "positions do not go back"
            self.position = update.position
            self.updates.append(update)
            if update.row is None:
                assert update.kind == "reset"
                self.screen.clear()
            elif update.kind == "gone":
                self.screen.pop((update.row.book, update.row.page), None)
            else:
                self.screen[update.row.book, update.row.page] = update.row


def _any_selection(chance: random.Random) -> Selection[PageRow]:
    book, page, word = chance.choice(BOOKS), chance.choice(PAGES), chance.choice(WORDS[1:])
    low, high = sorted(chance.choices(PAGES, k=2))
    return chance.choice([
        Pages.rows[book, page],
        Pages.rows.prefix(book),
        Pages.rows.between((book, low), (book, high)),
        Pages.rows.since((book, page)),
        Pages.rows.before((book, page)),
        Pages.rows.all(),
        Pages.by_text[word],
        Pages.by_text.starting(word[:2]),
        Pages.by_text.after(word),
        Pages.by_word[word],
        Pages.by_word.all(),
        Pages.by_stamps.prefix(book),
        Pages.by_change.since(chance.randrange(200)),
    ])  # fmt: skip


def _live(shelf: Domain, chance: random.Random, steps: int) -> list[Reader]:
    """Write at random, and let consumers come, look and go; returns those that are there."""
    readers: list[Reader] = []
    for _ in range(steps):
        if len(readers) < 4 or chance.random() < 0.1:
            selection = _any_selection(chance)
            slowness = chance.choice([0.0, 0.5, 0.97])
            readers += [Reader(shelf.watch(selection), slowness) for _ in range(3)]
        if chance.random() < 0.05:
            readers.pop(chance.randrange(len(readers))).watch.close()
        book = shelf.aggregate(notebook, chance.choice(BOOKS))
        page = chance.choice(PAGES)
        if chance.random() < 0.7:
            book.send(Write(page=page, text=chance.choice(WORDS)))
        else:
            book.send(Stamp(page=page, stamps=chance.randrange(1, 4)))
        for reader in readers:
            if chance.random() > reader.slowness:
                reader.look()
    return readers


def _check(shelf: Domain, readers: Sequence[Reader]) -> None:
    end = max(write(shelf, book, "end", "end") for book in BOOKS)
    shelf.reached(Pages, end, timeout=60).result(60)  # watches hear of a commit before this ends
    with shelf.read(Pages, after=end, timeout=60) as pages:
        for reader in readers:
            reader.look()
            asked: Query[PageRow] = Query(pages.binding, reader.watch.selection.question)
            expected = {(row.book, row.page): row for row in asked}
            assert reader.screen == expected, reader.watch.selection


@pytest.mark.parametrize("seed", range(12))
def test_the_fold_of_any_watch_is_the_query_in_the_end(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(watch_module, "_PAGE", 3)
    monkeypatch.setattr(changes_module, "MOST_WAITING", 6)
    readers = _live(shelf, random.Random(seed), 150)
    _check(shelf, readers)
    hub = shelf.model(Pages).access.hub
    assert len(hub) == len(readers)
    for reader in readers:
        reader.watch.close()
    assert len(hub) == 0


def test_slow_consumers_reset_and_quick_ones_do_not(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "MOST_WAITING", 6)
    slow, quick = (Reader(shelf.watch(Pages.rows.all()), 0.0) for _ in range(2))
    for page in PAGES:
        shelf.reached(Pages, write(shelf, "b", page, "x"), timeout=60).result(60)
        quick.look()
    _check(shelf, [slow, quick])
    assert [slow.updates[0].kind, "reset" in {at.kind for at in quick.updates}] == ["reset", False]


def test_consumers_in_threads_end_with_the_same_screen(shelf: Domain) -> None:
    readers = [Reader(shelf.watch(_any_selection(random.Random(n))), 0.0) for n in range(8)]
    over = threading.Event()

    def follow(reader: Reader) -> None:
        while not over.is_set():
            reader.look()

    threads = [threading.Thread(target=follow, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    chance = random.Random(1)
    for _ in range(200):
        write(shelf, chance.choice(BOOKS), chance.choice(PAGES), chance.choice(WORDS))
    over.set()
    for thread in threads:
        thread.join(60)
    _check(shelf, readers)


# --- finding selections ---------------------------------------------------------------------------


def _any_span(chance: random.Random) -> Span:
    low, high = sorted(bytes(chance.choices(b"ab\xff", k=chance.randrange(4))) for _ in range(2))
    return chance.choice([
        Span(low, low + b"\0"), Span(low, high), Span(low, after(low)), Span(low, None),
        Span(b"", high), EVERYTHING,
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_a_key_leads_to_exactly_the_selections_that_hold_it(seed: int) -> None:
    chance = random.Random(seed)
    selections, watched = Selections(Pages.rows), dict[Span, Changes]()
    for _ in range(300):
        span = _any_span(chance)
        if span in watched and chance.random() < 0.5:
            selections.forget(span)
            del watched[span]
        else:
            watched[span] = selections.of(span)
        key = bytes(chance.choices(b"ab\xff", k=chance.randrange(5)))
        change = RowChange("rows", key, None, _row("p"))
        found, left = selections.concerned(change)
        assert found == {changes for span, changes in watched.items() if span.holds(key)}
        assert not left
        gone = selections.concerned(change._replace(old=_row("p"), new=None))
        assert gone == (set(), found)
    assert set(selections) == set(watched.values())


@pytest.mark.parametrize("seed", range(20))
def test_all_keys_of_a_span_begin_with_its_common_start(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(300):
        span, key = _any_span(chance), bytes(chance.choices(b"ab\xff", k=chance.randrange(6)))
        assert not span.holds(key) or key.startswith(common_start(span))


def test_prefixes_are_found_without_looking_at_the_other_ones() -> None:
    spans = [Pages.rows.prefix(f"book-{n:03}").question.span for n in range(1_000)]
    assert len({common_start(span) for span in spans}) == 1_000


# --- what is kept ---------------------------------------------------------------------------------


class Watcher:
    """A watch whose consumer never waits."""

    seen = 0
    selection: Selection[Row] = Pages.rows.all()

    def rung(self) -> Pending[int] | None:
        """Nobody waits."""
        return None

    def close(self) -> None:
        """Nothing to end."""


def _kept(changes: Changes) -> list[bytes]:
    return list(changes._newest)  # pyright: ignore[reportPrivateUsage] - its memory


def _add(changes: Changes, *keys: str) -> None:
    for key in keys:
        changes.add(key.encode(), 1, Update("put", _row(key), 1))


def _taken(changes: Changes, watch: Watcher) -> list[str] | None:
    taken = changes.take(watch)
    return None if taken is None else [change.key.decode() for change in taken]


def test_each_watch_takes_each_row_once_in_order_of_its_newest_change() -> None:
    changes, one, other = Changes(), Watcher(), Watcher()
    changes.join(one)
    _add(changes, "a", "b")
    changes.join(other)
    _add(changes, "c", "a")
    assert _taken(changes, one) == ["b", "c", "a"]
    assert _taken(changes, one) == []
    assert _taken(changes, other) == ["c", "a"]


def test_what_all_have_taken_is_not_kept() -> None:
    changes, watches = Changes(), [Watcher() for _ in range(3)]
    for watch in watches:
        changes.join(watch)
    _add(changes, "a", "b")
    for watch in watches[:2]:
        changes.take(watch)
    assert _kept(changes) == [b"a", b"b"]
    changes.leave(watches[2])
    assert _kept(changes) == [], "the last one that had not taken them has left"
    _add(changes, "c")
    assert [_taken(changes, watch) for watch in watches] == [["c"], ["c"], []]
    assert _kept(changes) == []


def test_with_too_many_rows_only_those_that_miss_some_lose_them() -> None:
    changes, slow, quick = Changes(), Watcher(), Watcher()
    for watch in (slow, quick):
        changes.join(watch)
    _add(changes, "first")
    assert _taken(changes, quick) == ["first"]
    rows = [f"{n}" for n in range(MOST_WAITING)]
    _add(changes, *rows)
    assert len(_kept(changes)) == MOST_WAITING
    assert (_taken(changes, slow), _taken(changes, quick)) == (None, rows)
    changes.lose()
    assert (_taken(changes, slow), _taken(changes, slow)) == (None, [])


def test_a_watch_that_has_left_takes_nothing_from_the_other_ones() -> None:
    changes, gone, here = Changes(), Watcher(), Watcher()
    for watch in (gone, here):
        changes.join(watch)
    assert changes.leave(gone)
    assert not changes.leave(gone)
    _add(changes, "a")
    assert _taken(changes, gone) == []
    assert _taken(changes, here) == ["a"]


def test_memory_does_not_grow_with_watches_that_nobody_reads(shelf: Domain) -> None:
    slow = [shelf.watch(Pages.rows.prefix("b")) for _ in range(50)]
    for page in PAGES:
        write(shelf, "b", page, "x")
    _told(shelf)
    kept = {id(watch._changes) for watch in slow}  # pyright: ignore[reportPrivateUsage] - its memory
    assert len(kept) == 1
    assert {len(_waiting(watch)) for watch in slow} == {len(PAGES)}
