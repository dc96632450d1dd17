"""A story: ann and bob look at a board, then both change it. Run `python -m examples.board`.

With a path, such as story.db, it keeps the journal, so that you can use `comity history` on it.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from pathlib import Path

from examples.board.domain import (
    AddCard,
    AssignCard,
    Board,
    BoardCommand,
    BoardEvent,
    Comment,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
    board,
)

from comity.actors import Aggregate, Domain
from comity.engine import Refused

BACKLOG = ("Log in", "Sign up", "Pay", "Ship", "Celebrate")


def tell(domain: Domain) -> None:
    sprint = domain.aggregate(board, "sprint-42")
    for number, title in enumerate(BACKLOG, 1):
        card = AddCard(card=f"c{number}", number=number, title=title)
        sprint.send(card, id=f"backlog {number}").result(timeout=5)  # a retry gets the same receipt

    ann = domain.session("ann").aggregate(board, "sprint-42")
    bob = domain.session("bob").aggregate(board, "sprint-42")
    print(f"ann and bob both look at the board at version {ann.look().version}. Then bob works:\n")
    bob.look()
    say(bob, RenameCard(card="c1", title="Log in with a passkey"))
    say(bob, MoveCard(card="c2", column="doing"))
    say(bob, MoveCard(card="c3", column="doing"))
    say(bob, MoveCard(card="c4", column="doing"))
    say(bob, AddCard(card="c6", number=6, title="Rest"))
    say(bob, Upvote(card="c5"))
    say(bob, Comment(card="c5", comment="b1", text="With cake!"))

    print("\nann's screen still shows the old version. She works too:\n")
    say(ann, RenameCard(card="c2", title="Sign up with a passkey"))
    say(ann, Upvote(card="c5"))
    say(ann, AddCard(card="c7", number=6, title="Write the docs"))
    say(ann, RemoveCard(card="c5"))
    say(ann, MoveCard(card="c1", column="doing"))
    say(ann, AssignCard(card="c1", assignee="ann"))
    say(ann, RenameCard(card="c1", title="Log in with a password"))
    print()
    show(sprint.look().state)


def say(who: Aggregate[Board, BoardCommand, BoardEvent], command: BoardCommand) -> None:
    """Send the command, and print its outcome and the reason."""
    try:
        report = who.send(command).result(timeout=5).report
    except Refused as refusal:
        report = refusal.report
    print(f"{report.outcome:>10}  {command!r}")
    if report.unseen:
        print(textwrap.indent(textwrap.fill(report.sentence(), 68), " " * 12))


def show(state: Board) -> None:
    for column in state.limits:
        titles = [f"{c.number} {c.title}" for c in state.cards.values() if c.column == column]
        print(f"{column:>10}  {'; '.join(titles)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m examples.board",
        description="A story of two people with old views of a board.",
    )
    parser.add_argument("path", nargs="?", type=Path, help="keep the journal in this new directory")
    chosen = parser.parse_args()
    if chosen.path and chosen.path.exists():
        parser.error(f"{chosen.path} exists already: name a new directory")
    with (
        tempfile.TemporaryDirectory() as folder,
        Domain.open(chosen.path or folder, deciders=[board]) as domain,
    ):
        tell(domain)
