"""The proof: the journal, replayed from its start, gives every state and holds every receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from examples.board.domain import Board, BoardEvent, board
from examples.board.read_models import Activity, Cards

from comity.engine import Receipt, Recorded

Histories: TypeAlias = Mapping[str, Sequence[Recorded[BoardEvent]]]
"""All events of each board, by the board's key."""

Boards: TypeAlias = Mapping[str, Board]


@dataclass(frozen=True)
class Claim:
    """Something that must be so, and whether it is."""

    text: str
    holds: bool


def prove(
    histories: Histories, states: Boards, shown: Boards, receipts: Sequence[Receipt[BoardEvent]]
) -> list[Claim]:
    """Check the journal against what its readers and senders were told.

    Args:
        histories: what the journal holds.
        states: what the domain says the boards are.
        shown: what people's screens show: kept up to date event by event, while people worked.
        receipts: all that were given since the journal was made.
    """
    events = sum(map(len, histories.values()))
    replayed = {
        key: board.fold(Board(), (one.event for one in history))
        for key, history in histories.items()
    }
    return [
        Claim(
            f"replaying {events:,} events gives the state of all {len(replayed)} boards, and what "
            "every screen shows",
            replayed == states == shown,
        ),
        Claim(
            f"of {len(receipts):,} receipts every event is in the journal, at the version and "
            "position that it says; and no other event is",
            all(_is_kept(histories, receipt) for receipt in receipts)
            and sum(len(receipt.events) for receipt in receipts) == events,
        ),
        Claim(
            f"positions 1 to {events:,}, and the versions of every board, have no gap",
            _without_a_gap(histories, events),
        ),
    ]


def prove_models(states: Boards, events: int, cards: Cards, activity: Activity) -> Claim:
    """Check that people who ask the read models are told the same.

    Args:
        states: what the domain says the boards are.
        events: how many the journal holds.
        cards: a snapshot in which all of them are.
        activity: another one.
    """
    told: dict[str, set[tuple[object, ...]]] = {key: set() for key in states}
    for row in cards.rows.all():
        voters, assignee = frozenset(row.voters), row.assignee or ""
        told[row.board].add((row.card, row.title, row.column, assignee, voters, row.comments))
    are = {
        key: {
            (
                name,
                card.title,
                card.column,
                card.assignee,
                frozenset(card.voters),
                len(card.comments),
            )
            for name, card in state.cards.items()
        }
        for key, state in states.items()
    }
    return Claim(
        f"the read models show the same {cards.rows.count():,} cards, and all "
        f"{activity.rows.count():,} changes",
        told == are and activity.rows.count() == events,
    )


def _is_kept(histories: Histories, receipt: Receipt[BoardEvent]) -> bool:
    many = len(receipt.events)
    kept = histories[receipt.aggregate.key][receipt.version - many : receipt.version]
    first = receipt.position - many + 1
    return [(one.position, one.event, one.command_id) for one in kept] == [
        (position, event, receipt.id) for position, event in enumerate(receipt.events, first)
    ]


def _without_a_gap(histories: Histories, events: int) -> bool:
    positions = sorted(one.position for history in histories.values() for one in history)
    return positions == list(range(1, events + 1)) and all(
        [one.version for one in history] == list(range(1, len(history) + 1))
        for history in histories.values()
    )
