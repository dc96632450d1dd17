"""Queries of every form, checked against a sorted list; and pages while rows come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple, TypeAlias, TypeVar

from hypothesis import strategies as st
from tests.readmodels.bench import Bench
from tests.readmodels.cards import same

from comity.engine import Event, Key, Recorded
from comity.readmodels import Descending, Query, ReadModel, Row, Selection, Table, descending


class WordSaid(Event):
    word: Key[str]
    number: int
    speaker: str


class WordForgotten(Event):
    word: Key[str]


class WordRow(Row):
    word: str
    number: int
    speaker: str


class Words(ReadModel[WordSaid | WordForgotten]):
    rows = Table(WordRow, key=lambda row: row.word)
    by_number = rows.index(lambda row: row.number)
    by_speaker = rows.index(lambda row: (row.speaker, row.number))
    by_three = rows.index(lambda row: (row.speaker, descending(row.number), row.word))
    by_letter = rows.index_each(lambda row: row.word)
    pairs = rows.unique(lambda row: (row.speaker, row.word))

    def project(self, event: WordSaid | WordForgotten, at: Recorded) -> None:
        match event:
            case WordSaid(word=word, number=number, speaker=speaker):
                self.rows.put(WordRow(word=word, number=number, speaker=speaker))
            case WordForgotten(word=word):
                self.rows.delete(word)


ALPHABET = "ab\0\x7fé\uffff\U0001d11e"
WORD = st.text(ALPHABET, max_size=4)
NUMBER = st.integers(-3, 3) | st.sampled_from([-300, 255, 256, 65_536, 1 << 40])
SPEAKER = st.text("ab", max_size=2)
SAID = st.builds(WordSaid, word=WORD, number=NUMBER, speaker=SPEAKER)

T = TypeVar("T")
K = TypeVar("K")


def check_query(query: Query[T], expected: Sequence[T], size: int) -> None:
    """Read a query in every way.

    Raises:
        Differs: one way gives something else than the list.
    """
    backwards = query.reversed()
    for what, asked, rows in [
        ("query", query, list(expected)),
        ("reversed", backwards, list(expected)[::-1]),
        ("reversed twice", backwards.reversed(), list(expected)),
    ]:
        same(what, list(asked), rows)
        same(f"{what}, listed", asked.list(), rows)
        same(f"{what}, some", asked.list(size), rows[:size])
        same(f"{what}, counted", asked.count(), len(rows))
        same(f"{what}, whether any", asked.exists(), bool(rows))
        same(f"{what}, first", asked.first(), rows[0] if rows else None)
        cut = [rows[at : at + size] for at in range(0, len(rows), size)]
        batches = [list(batch) for batch in asked.batches(size)]
        if asked.explain().scan:  # fewer in a batch, where not all are wanted
            same(f"{what}, in batches", [row for batch in batches for row in batch], rows)
            same(f"{what}, batches that are empty", [] in batches, expected=False)
        else:
            same(f"{what}, in batches", batches, cut)
        same(f"{what}, page by page", pages(asked, size), cut or [rows])


def pages(query: Query[T], size: int) -> list[list[T]]:
    """The rows of each page."""
    found: list[list[T]] = []
    after: str | None = None
    while True:
        page = query.page(size, after)
        found.append(list(page.rows))
        after = page.next
        if after is None:
            return found


Entry: TypeAlias = tuple[K, WordRow]


def entries(rows: Sequence[WordRow], keys: Callable[[WordRow], Sequence[K]]) -> list[Entry[K]]:
    """An index of the rows."""
    found = [(key, row.word, row) for row in rows for key in dict.fromkeys(keys(row))]
    return [(key, row) for key, _, row in sorted(found, key=itemgetter(0, 1))]


class Asked(NamedTuple):
    """The bounds of some questions."""

    word: str
    other: str
    number: int
    greater: int
    speaker: str
    size: int


ASKED = st.builds(Asked, WORD, WORD, NUMBER, NUMBER, SPEAKER, st.integers(1, 7))


def check_every_form(model: Words, rows: Sequence[WordRow], asked: Asked) -> None:
    """Ask the table and every index in each way.

    Raises:
        Differs: a query gives something else than the list.
    """
    word, other, number, greater, speaker, size = asked
    check = partial(check_query, size=size)
    in_order = sorted(rows, key=lambda row: row.word)

    check(model.rows.all(), in_order)
    check(model.rows.between(word, other), [one for one in in_order if word <= one.word < other])
    check(model.rows.before(word), [one for one in in_order if one.word < word])
    check(model.rows.since(word), [one for one in in_order if one.word >= word])
    check(model.rows.after(word), [one for one in in_order if one.word > word])
    check(model.rows.starting(word), [one for one in in_order if one.word.startswith(word)])
    check(model.rows.where(word=word), [one for one in in_order if one.word == word])
    check(
        model.rows.scan(lambda row: row.number > number),
        [one for one in in_order if one.number > number],
    )

    numbers = entries(rows, lambda row: [row.number])
    check(model.by_number.all(), [row for _, row in numbers])
    check(model.by_number[number], [row for key, row in numbers if key == number])
    check(model.rows.where(number=number), [row for key, row in numbers if key == number])
    check(
        model.by_number.between(number, greater),
        [row for key, row in numbers if number <= key < greater],
    )
    check(model.by_number.before(number), [row for key, row in numbers if key < number])
    check(model.by_number.since(number), [row for key, row in numbers if key >= number])
    check(model.by_number.after(number), [row for key, row in numbers if key > number])

    pairs = entries(rows, lambda row: [(row.speaker, row.number)])
    pair = (speaker, number)
    check(model.by_speaker[pair], [row for key, row in pairs if key == pair])
    check(model.by_speaker.prefix(speaker), [row for key, row in pairs if key[0] == speaker])
    check(
        model.rows.where(number=number, speaker=speaker), [row for key, row in pairs if key == pair]
    )
    check(model.by_speaker.after(pair), [row for key, row in pairs if key > pair])
    check(model.by_speaker.before(pair), [row for key, row in pairs if key < pair])

    threes = entries(rows, lambda row: [(row.speaker, descending(row.number), row.word)])
    check(model.by_three.all(), [row for _, row in threes])
    check(model.by_three.prefix(speaker), [row for key, row in threes if key[0] == speaker])
    check(
        model.by_three.prefix(speaker, descending(number)),
        [row for key, row in threes if key[:2] == (speaker, descending(number))],
    )
    three = (speaker, descending(number), word)
    check(model.by_three.since(three), [row for key, row in threes if key >= three])

    letters = entries(rows, lambda row: list(row.word))
    check(model.by_letter.all(), [row for _, row in letters])
    check(model.by_letter["a"], [row for key, row in letters if key == "a"])
    check(model.by_letter.starting(word), [row for key, row in letters if key.startswith(word)])
    check(model.by_letter.between("a", "b"), [row for key, row in letters if key == "a"])

    unique = entries(rows, lambda row: [(row.speaker, row.word)])
    check(model.pairs.all(), [row for _, row in unique])
    check(model.pairs.prefix(speaker), [row for key, row in unique if key[0] == speaker])
    check(model.pairs[speaker, word], [row for key, row in unique if key == (speaker, word)])
    same(
        "pairs.get",
        model.pairs.get((speaker, word)),
        next((row for key, row in unique if key == (speaker, word)), None),
    )


def bound(model: Words, selection: Selection[WordRow]) -> Query[WordRow]:
    """The same question, put to a snapshot."""
    return Query(model.binding, selection.question)


# --- pages while rows come and go -----------------------------------------------------------------


class Turn(NamedTuple):
    """Reading a page, and what happens after that."""

    limit: int
    events: Sequence[WordSaid | WordForgotten]


TURNS = st.lists(
    st.builds(
        Turn,
        st.integers(1, 4),
        st.lists(SAID | st.builds(WordForgotten, word=WORD), max_size=4),
    ),
    max_size=12,
)

Asking: TypeAlias = Callable[[Words], Query[WordRow]]

PAGED: dict[str, tuple[Asking, Callable[[WordRow], Sequence[object]]]] = {
    "rows": (lambda model: model.rows.all(), lambda row: [row.word]),
    "rows, reversed": (
        lambda model: model.rows.all().reversed(),
        lambda row: [row.word],
    ),
    "rows of a range": (
        lambda model: model.rows.between("a", "\U0001d11e"),
        lambda row: [row.word] if "a" <= row.word < "\U0001d11e" else [],
    ),
    "an index": (lambda model: model.by_number.all(), lambda row: [row.number]),
    "an index, reversed": (
        lambda model: model.by_number.all().reversed(),
        lambda row: [row.number],
    ),
    "one key": (lambda model: model.by_number[1], lambda row: [1] if row.number == 1 else []),
    "one key, reversed": (
        lambda model: model.by_number[1].reversed(),
        lambda row: [1] if row.number == 1 else [],
    ),
    "a unique index, reversed": (
        lambda model: model.pairs.all().reversed(),
        lambda row: [(row.speaker, row.word)],
    ),
    "a scan": (
        lambda model: model.rows.scan(lambda row: row.number > 0),
        lambda row: [row.word] if row.number > 0 else [],
    ),
}


def page_through(
    bench: Bench[Words], words: Sequence[WordSaid], turns: Sequence[Turn], paged: str
) -> None:
    """Read page after page, each from a newer state than the one before.

    Raises:
        Differs: an entry was given twice, or one that was there all the time was missed.
    """
    ask, keys = PAGED[paged]
    bench.take(*words)
    with bench.read() as model:
        stayed = there(model, keys)
    given: list[tuple[object, str]] = []
    after: str | None = None
    for limit, events in [*turns, *[Turn(5, ())] * 100]:
        with bench.read() as model:
            stayed &= there(model, keys)
            page = ask(model).page(limit, after)
        given += [(key, row.word) for row in page.rows for key in keys(row)]
        after = page.next
        if after is None:
            break
        bench.take(*events)
    same("given twice", len(given), len(set(given)))
    same("missed", stayed - set(given), set[object]())


def there(model: Words, keys: Callable[[WordRow], Sequence[object]]) -> set[tuple[object, str]]:
    """The entries that are there."""
    return {(key, row.word) for row in model.rows.all() for key in keys(row)}


__all__ = [
    "ASKED",
    "PAGED",
    "SAID",
    "TURNS",
    "Asked",
    "Descending",
    "Turn",
    "WordForgotten",
    "WordRow",
    "WordSaid",
    "Words",
    "bound",
    "check_every_form",
    "page_through",
]
