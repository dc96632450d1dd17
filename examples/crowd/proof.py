"""The proof: the journal gives every state when replayed, and has the events of every receipt."""

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
    """A statement that must be true, and whether it is."""

    text: str
    holds: bool


def prove(
    histories: Histories, states: Boards, shown: Boards, receipts: Sequence[Receipt[BoardEvent]]
) -> list[Claim]:
    """Check the journal against the domain's states, the screens and the receipts.

    Args:
        histories: all events in the journal.
        states: the boards according to the domain.
        shown: the boards on people's screens, updated event by event while people worked.
        receipts: all receipts since the journal was made.
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
            f"the journal has every event of {len(receipts):,} receipts, at the version and "
            "position that the receipt says, and no other event",
            all(_is_kept(histories, receipt) for receipt in receipts)
            and sum(len(receipt.events) for receipt in receipts) == events,
        ),
        Claim(
            f"positions 1 to {events:,}, and the versions of every board, have no gap",
            _without_a_gap(histories, events),
        ),
    ]


def prove_models(states: Boards, events: int, cards: Cards, activity: Activity) -> Claim:
    """Check that the read models give the same boards.

    Args:
        states: the boards according to the domain.
        events: the number of events in the journal.
        cards: a snapshot that includes all events.
        activity: a snapshot that includes all events.
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
