"""What people ask about boards: cards, workload and activity follow what happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.board.domain import (
    AddCard,
    AssignCard,
    BoardCommand,
    BoardEvent,
    Comment,
    LimitColumn,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
    board,
)
from examples.board.read_models import Activity, Cards, Column, Workload, new_board, quote

from comity.actors import Domain
from comity.engine import Outcome, Receipt

BOARD = "sprint-42"


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    models = [Cards, Workload, Activity]
    with Domain.open(tmp_path / "team.db", deciders=[board], read_models=models) as domain:
        yield domain


def send(
    domain: Domain, *commands: BoardCommand, who: str = "ann", seen: int | None = None
) -> Receipt[BoardEvent]:
    sender = domain.session(who).aggregate(board, BOARD)
    return [sender.send(command, seen).result(60) for command in commands][-1]


def three_cards(domain: Domain) -> Receipt[BoardEvent]:
    cards = [AddCard(card=f"c{n}", number=n, title=f"Task {n}") for n in (1, 2, 3)]
    return send(domain, *cards)


def test_a_column_lists_its_cards_by_number(domain: Domain) -> None:
    three_cards(domain)
    receipt = send(domain, MoveCard(card="c3", column="doing"), MoveCard(card="c1", column="doing"))
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        assert [row.card for row in cards.by_column.prefix(BOARD, "doing")] == ["c1", "c3"]
        assert [row.card for row in cards.by_column.prefix(BOARD, "todo")] == ["c2"]
        assert cards.in_column[(BOARD, "doing")] == 2
        assert cards.in_board[BOARD] == 3


def test_a_card_is_found_by_who_has_it_until_nobody_does(domain: Domain) -> None:
    three_cards(domain)
    receipt = send(
        domain, AssignCard(card="c2", assignee="bob"), AssignCard(card="c1", assignee="bob")
    )
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        assert [row.card for row in cards.by_assignee.prefix(BOARD, "bob")] == ["c1", "c2"]
    receipt = send(domain, AssignCard(card="c2", assignee=""))
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        assert [row.card for row in cards.by_assignee.prefix(BOARD, "bob")] == ["c1"]
        assert cards.rows[(BOARD, "c2")].assignee is None


def test_a_card_knows_what_changed_it_last_and_who(domain: Domain) -> None:
    three_cards(domain)
    receipt = send(domain, RenameCard(card="c2", title="Pay"), who="bob")
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        row = cards.rows[(BOARD, "c2")]
        assert (row.title, row.version, row.changed_by) == ("Pay", 4, "bob")
        changed = cards.by_change.between((BOARD, 4), (BOARD, 5))
        assert [row.card for row in changed] == ["c2"]


def test_votes_and_comments_are_counted_and_a_changed_comment_counts_once(domain: Domain) -> None:
    three_cards(domain)
    send(domain, Upvote(card="c1"), who="bob")
    send(domain, Upvote(card="c1"), Upvote(card="c1"), who="ann")
    receipt = send(
        domain,
        Comment(card="c1", comment="a1", text="Hm"),
        Comment(card="c1", comment="a1", text="Ah"),
        Comment(card="c1", comment="a2", text="Oh"),
    )
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        row = cards.rows[(BOARD, "c1")]
        assert (row.voters, row.comments) == (("bob", "ann"), 2)
        assert [each.text for each in cards.comments.prefix(BOARD, "c1")] == ["Ah", "Oh"]


def test_a_removed_card_takes_its_comments_along(domain: Domain) -> None:
    three_cards(domain)
    receipt = send(domain, Comment(card="c1", comment="a1", text="Hm"), RemoveCard(card="c1"))
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        assert (BOARD, "c1") not in cards.rows
        assert cards.comments.count() == 0
        assert cards.in_board[BOARD] == 2


def test_the_board_has_the_version_of_its_tables_and_its_limits(domain: Domain) -> None:
    three_cards(domain)
    receipt = send(domain, LimitColumn(column="doing", limit=2))
    with domain.read(Cards, after=receipt, timeout=60) as cards:
        row = cards.boards[BOARD]
        assert (row.version, row.next_number) == (4, 4)
        assert row.columns[1] == Column(column="doing", limit=2)
        assert [one.column for one in row.columns] == ["todo", "doing", "done"]
        assert cards.boards.get("another") is None
    assert new_board("another").version == 0


def test_the_workload_counts_what_is_done_and_what_is_not(domain: Domain) -> None:
    three_cards(domain)
    send(domain, *[AssignCard(card=f"c{n}", assignee="bob") for n in (1, 2, 3)])
    receipt = send(domain, MoveCard(card="c1", column="done"), RemoveCard(card="c2"))
    with domain.read(Workload, after=receipt, timeout=60) as workload:
        assert (workload.to_do["bob"], workload.done["bob"]) == (1, 1)
        assert (workload.to_do["ann"], workload.to_do.total()) == (0, 1)


def test_the_activity_says_what_happened_the_latest_first(domain: Domain) -> None:
    receipt = send(
        domain,
        AddCard(card="c1", number=1, title="Log in"),
        RenameCard(card="c1", title="Sign in"),
        MoveCard(card="c1", column="doing"),
        AssignCard(card="c1", assignee="bob"),
        AssignCard(card="c1", assignee=""),
        Upvote(card="c1"),
        Comment(card="c1", comment="a1", text="With\na passkey"),
        LimitColumn(column="doing", limit=2),
        LimitColumn(column="doing", limit=None),
        RemoveCard(card="c1"),
    )
    with domain.read(Activity, after=receipt, timeout=60) as activity:
        told = activity.rows.prefix(BOARD).list()
        assert activity.names.count() == 0
    assert [row.said for row in reversed(told)] == [
        "added #1 “Log in” to todo",
        "renamed #1 “Log in” to “Sign in”",
        "moved #1 “Sign in” to doing",
        "gave #1 “Sign in” to bob",
        "gave #1 “Sign in” to nobody",
        "voted for #1 “Sign in”",
        "said of #1 “Sign in”: “With a passkey”",
        "let doing hold 2 cards at most",
        "let doing hold any number of cards",
        "removed #1 “Sign in”",
    ]
    assert [row.version for row in told] == list(range(10, 0, -1))
    assert {(row.who, row.outcome, row.report) for row in told} == {("ann", Outcome.APPLIED, None)}


def test_the_activity_says_how_a_change_was_merged(domain: Domain) -> None:
    three_cards(domain)
    send(domain, RenameCard(card="c1", title="Pay"), who="bob", seen=3)
    receipt = send(domain, MoveCard(card="c1", column="doing"), seen=3)
    with domain.read(Activity, after=receipt, timeout=60) as activity:
        latest = activity.rows.prefix(BOARD).first()
    assert latest is not None
    assert latest.outcome is Outcome.MERGED
    assert latest.report == (
        "ann wanted to move card on version 3; meanwhile 1 change elsewhere: merged"
    )


def test_a_board_with_a_card_that_has_no_key_is_parked_alone(domain: Domain) -> None:
    three_cards(domain)
    other = domain.session("eve").aggregate(board, "other")
    receipt = other.send(AddCard(card="x" * 1_000, number=1, title="Pay")).result(60)
    with domain.read(Cards, after=receipt, timeout=20) as cards:
        assert cards.in_board[BOARD] == 3
        assert cards.in_board["other"] == 0
    assert {parked.aggregate.key for parked in domain.model(Cards).parked()} == {"other"}


def test_a_long_text_is_quoted_in_part() -> None:
    assert quote("a\n b") == "“a b”"
    assert len(quote("long " * 100)) == 82
