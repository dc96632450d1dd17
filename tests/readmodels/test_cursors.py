"""What a client does to a cursor: refused, or another page of what the question allows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import cast

import msgpack
import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from tests.readmodels.asking import WordRow, Words, WordSaid
from tests.readmodels.bench import Bench

from comity.engine import Invalid, formats
from comity.readmodels import Query, Selection
from comity.readmodels.keys.encoding import encode
from comity.readmodels.tables.cursor import pack_cursor

QUICKLY = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench[Words]]:
    bench = Bench(Words, tmp_path_factory.mktemp("words") / "words")
    for n, letter in enumerate("abcdefghij" * 3):
        bench.take(WordSaid(word=f"{letter}{n:02}", number=n % 4, speaker=letter))
    yield bench
    bench.close()


QUESTIONS: dict[str, Selection[WordRow]] = {
    "rows": Words.rows.all(),
    "a range of rows": Words.rows.between("c", "f"),
    "rows from one on": Words.rows.since("c"),
    "rows before one": Words.rows.before("f"),
    "a key of an index": Words.by_number[2],
    "a range of an index": Words.by_number.between(1, 3),
    "a prefix of a unique index": Words.pairs.prefix("d"),
}


def ask(model: Words, question: str, *, backwards: bool) -> Query[WordRow]:
    query = Query[WordRow](model.binding, QUESTIONS[question].question)
    return query.reversed() if backwards else query


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def check(
    words: Bench[Words], cursor: Callable[[int], str], question: str, *, backwards: bool
) -> None:
    """The cursor is invalid, or gives the rows of the question from some place on."""
    with words.read() as model:
        query = ask(model, question, backwards=backwards)
        rows = query.list()
        turned = QUESTIONS[question].question._replace(backwards=backwards)
        try:
            found = list(query.page(1_000, cursor(turned.checksum)).rows)
        except Invalid:
            return
        assert found == rows[len(rows) - len(found) :]


ANY = st.sampled_from(sorted(QUESTIONS))
BYTES = st.binary(max_size=12) | st.builds(encode, st.text("abcdefghij0123", max_size=4))
KEYS = BYTES | st.builds(encode, st.integers(-1, 5)) | st.binary(min_size=505, max_size=520)


@QUICKLY
@given(key=KEYS, value=BYTES, question=ANY, backwards=st.booleans())
@example(key=encode("a"), value=b"", question="a range of rows", backwards=False)
@example(key=encode("z"), value=b"", question="a range of rows", backwards=True)
@example(key=b"\xff" * 511, value=b"\xff" * 511, question="a key of an index", backwards=False)
@example(key=b"\x01" * 511, value=b"\x01" * 511, question="a key of an index", backwards=True)
@example(key=encode(2), value=b"\xff" * 511, question="a key of an index", backwards=False)
@example(key=encode(2), value=b"\xff" * 511, question="a key of an index", backwards=True)
@example(key=encode(2), value=b"", question="a key of an index", backwards=True)
def test_a_cursor_that_a_client_has_made_up_leads_nowhere_else(
    words: Bench[Words], key: bytes, value: bytes, question: str, *, backwards: bool
) -> None:
    check(words, lambda sum_: pack_cursor(sum_, (key, value)), question, backwards=backwards)


@QUICKLY
@given(at=st.integers(0, 60), letter=st.characters(), question=ANY, backwards=st.booleans())
def test_a_cursor_with_another_letter_leads_nowhere_else(
    words: Bench[Words], at: int, letter: str, question: str, *, backwards: bool
) -> None:
    with words.read() as model:
        cursor = ask(model, question, backwards=backwards).page(1).next or ""
    tampered = cursor[:at] + letter + cursor[at + 1 :]
    check(words, lambda _: tampered, question, backwards=backwards)


STORED = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@QUICKLY
@given(cursor=st.text() | st.builds(text, st.binary()), question=ANY)
@example(cursor="", question="rows")
@example(cursor="é", question="rows")
@example(cursor="\ud800", question="rows")
@example(cursor="A" * 1_000_000, question="rows")
@example(cursor="=", question="rows")
@example(cursor=text(b"\xdd\xff\xff\xff\xff"), question="rows")
@example(cursor=text(b"\x91" * 1_400), question="rows")
def test_what_is_no_cursor_is_refused(words: Bench[Words], cursor: str, question: str) -> None:
    with words.read() as model, pytest.raises(Invalid, match="not a cursor: pass"):
        ask(model, question, backwards=False).page(1, cursor)


@QUICKLY
@given(stored=STORED)
@example(stored=[None, b"\0", b""])
def test_what_holds_something_else_is_refused(words: Bench[Words], stored: object) -> None:
    begins = cast("list[object]", stored)[:3] if isinstance(stored, list) else []
    if [type(each) for each in begins] == [int, bytes, bytes] and begins[1]:
        reject()  # a cursor, of another question
    with words.read() as model, pytest.raises(Invalid, match="not a cursor: pass"):
        model.rows.all().page(1, text(msgpack.packb(stored)))


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 8, 20])
def test_a_cursor_that_is_cut_is_refused(words: Bench[Words], cut: int) -> None:
    with words.read() as model:
        cursor = model.rows.all().page(1).next
        assert cursor is not None
        with pytest.raises(Invalid):
            model.rows.all().page(1, cursor[:-cut])


def test_a_cursor_of_another_question_is_refused(words: Bench[Words]) -> None:
    with words.read() as model:
        queries = {
            (question, backwards): ask(model, question, backwards=backwards)
            for question in QUESTIONS
            for backwards in (False, True)
        }
        for asked, query in queries.items():
            cursor = query.page(1).next
            assert cursor is not None
            for other, another in queries.items():
                if other == asked:
                    assert another.page(1, cursor).rows
                else:
                    with pytest.raises(Invalid, match="belongs to another query"):
                        another.page(1, cursor)


@pytest.mark.parametrize("more", [(), (formats.MODEL,), (formats.MODEL, "more", None)])
def test_a_cursor_may_have_fewer_fields_and_more(
    words: Bench[Words], more: tuple[object, ...]
) -> None:
    with words.read() as model:
        first = model.rows.all().page(5)
        fields = cursor_fields(first.next)
        assert fields[3:] == [formats.MODEL]
        older = text(msgpack.packb((*fields[:3], *more)))
        assert model.rows.all().page(5, older) == model.rows.all().page(5, first.next)


def test_a_cursor_whose_key_is_of_another_format_is_refused(words: Bench[Words]) -> None:
    with words.read() as model:
        fields = cursor_fields(model.rows.all().page(5).next)
        other = text(msgpack.packb((*fields[:3], formats.MODEL + 1)))
        with pytest.raises(Invalid, match="another version of comity: ask for the first page"):
            model.rows.all().page(5, other)


def cursor_fields(cursor: str | None) -> list[object]:
    """What a cursor holds."""
    assert cursor is not None
    data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return list(msgpack.unpackb(data))


def test_a_cursor_is_text_for_a_link(words: Bench[Words]) -> None:
    with words.read() as model:
        cursor = model.by_number.all().page(20).next
    assert cursor is not None
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_longest_keys_have_cursors(tmp_path_factory: pytest.TempPathFactory) -> None:
    bench = Bench(Words, tmp_path_factory.mktemp("long") / "words")
    long = "\uffff" * 150
    bench.take(*(WordSaid(word=f"{long}{n}", number=1, speaker="x" * 30) for n in range(3)))
    with bench.read() as model:
        for query in (model.rows.all(), model.by_number[1], model.by_number.all().reversed()):
            first = query.page(1)
            assert [*first.rows, *query.page(9, first.next).rows] == query.list()
    bench.close()
