"""A domain of boards to look at from outside: `python -m tests.cli.host PATH MODEL...`.

Each line of its input is told to it, and answered with `done`: `add BOARD CARD TITLE`,
`rename BOARD CARD TITLE`, or `hold MODEL`, which keeps a snapshot.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from examples.board.domain import AddCard, RenameCard, board
from tests.cli import boards

from comity.actors import Domain

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel


def main() -> None:
    """Open the domain, and close it when there is no more to be told."""
    logging.getLogger("comity").addHandler(logging.NullHandler())
    path, *names = sys.argv[1:]
    models = [getattr(boards, name) for name in names]
    with Domain.open(path, deciders=[board], read_models=models) as domain:
        print("open", flush=True)
        held: list[AnyReadModel] = []
        for line in sys.stdin:
            match line.split():
                case ["add", key, card, title]:
                    ann = domain.session("ann").aggregate(board, key)
                    number = ann.look().state.next_number
                    ann.send(AddCard(card=card, number=number, title=title)).result(60)
                case ["rename", key, card, title]:
                    ann = domain.session("ann").aggregate(board, key)
                    ann.send(RenameCard(card=card, title=title)).result(60)
                case ["hold", name]:
                    held.append(domain.read(getattr(boards, name)))
                case _:
                    raise ValueError(line)
            print("done", flush=True)


if __name__ == "__main__":
    main()
