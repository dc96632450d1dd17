"""Identities of aggregates: what may be one, and that no two read alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.engine import AggregateId, Invalid
from comity.engine.aggregate_id import check_key, check_type_name

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


def test_it_reads_as_type_and_key() -> None:
    sprint = AggregateId("board", "sprint-42")
    assert str(sprint) == "board/sprint-42"
    assert sprint.at(17) == "Board<sprint-42@17>"


@given(NAMES, KEYS)
def test_it_is_read_back_from_how_it_prints(name: str, key: str) -> None:
    assert AggregateId.parse(str(AggregateId(name, key))) == AggregateId(name, key)


@given(NAMES, KEYS, NAMES, KEYS)
def test_no_two_print_alike(name: str, key: str, other: str, key2: str) -> None:
    one, two = AggregateId(name, key), AggregateId(other, key2)
    assert (str(one) == str(two)) == (one == two)


def test_a_key_cannot_drive_a_terminal_where_logs_print_it() -> None:
    assert AggregateId("board", "a\x1b[2J\nb").at(1) == r"Board<a\x1b[2J\nb@1>"


@pytest.mark.parametrize(
    "name", ["", "Board", "2board", "../etc", "/etc/x", "a b", "b\n", "b" * 65, "böard", "-a"]
)
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="1 to 64 of a-z, 0-9, _ and -"):
        check_type_name(name)


@pytest.mark.parametrize("key", ["", "k" * 201, "é" * 101, "\ud800"])
def test_a_key_that_is_empty_too_long_or_not_utf8_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="an aggregate's key"):
        check_key(key)


def test_a_key_of_another_type_is_refused() -> None:
    with pytest.raises(Invalid, match="is a str that UTF-8 can encode; got 5"):
        check_key(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a host may


def test_two_hundred_bytes_of_anything_are_a_key() -> None:
    for key in ("k" * 200, "é" * 100, "../../etc/passwd", "a/b", "\x00", " ", "'; drop table"):
        assert check_key(key) == key


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("board", "expected an aggregate as TYPE/KEY, such as board/sprint-42, got 'board'"),
        ("", "TYPE/KEY"),
        ("Board/x", "type's name"),
        ("board/", "this one takes 0"),
    ],
)
def test_what_has_no_key_or_no_type_cannot_be_parsed(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        AggregateId.parse(text)
