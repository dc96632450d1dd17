"""The counts on both sides, from both journals: each event of the shop had its effect once."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from examples.shop_and_warehouse.sender import SOURCE
from examples.shop_and_warehouse.shop import OrderPlaced, order
from examples.shop_and_warehouse.warehouse import Released, Reserved, stock

from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal


class Proof(NamedTuple):
    """What both journals say."""

    placed: int
    """Orders that were placed in the shop."""
    cancelled: int
    """Those of them that were cancelled."""
    commands: int
    """Commands that the warehouse has decided for events of the shop; each id counts once."""
    reserved: int
    """Orders that it has reserved."""
    refused: int
    """Placed orders that it has refused, because the item was sold out."""
    released: int
    """Reservations that it has given back."""
    mistakes: tuple[str, ...]
    """Orders for which the sides disagree, the first ten."""

    @property
    def exact(self) -> bool:
        return self.commands == self.placed + self.cancelled and not self.mistakes


def prove(shop: Path, warehouse: Path) -> Proof:
    """Read both journals, and compare each order with its reservation."""
    orders, cancelled = _shop(shop)
    ids, reserved, released = _warehouse(warehouse)
    mistakes = [
        f"{name}: ordered {wanted}, reserved {reserved[name]}, released {released[name]} times"
        for name, wanted in orders.items()
        if not _agree(wanted, reserved[name], released[name], cancelled=name in cancelled)
    ]
    mistakes += [f"{name}: {count} times" for name, count in ids.items() if count > 1]
    mistakes += [f"{name}: never ordered" for name in reserved if name not in orders]
    kept = sum(1 for name in orders if reserved[name])
    return Proof(
        placed=len(orders),
        cancelled=len(cancelled),
        commands=len(ids),
        reserved=kept,
        refused=len(orders) - kept,
        released=released.total(),
        mistakes=tuple(mistakes[:10]),
    )


def _agree(wanted: int, reserved: list[int], released: int, *, cancelled: bool) -> bool:
    if not reserved:  # sold out
        return released == 0
    return reserved == [wanted] and released == (1 if cancelled else 0)


def _shop(path: Path) -> tuple[dict[str, int], set[str]]:
    """The quantity of each order, and which orders were cancelled."""
    placed, cancelled = dict[str, int](), set[str]()
    journal = LmdbJournal.open(path, read_only=True)
    try:
        for _, record in journal.read_every():
            for at in recorded(order, record):
                if isinstance(at.event, OrderPlaced):
                    placed[at.aggregate.key] = at.event.quantity
                else:
                    cancelled.add(at.aggregate.key)
    finally:
        journal.close()
    return placed, cancelled


def _warehouse(path: Path) -> tuple[Counter[str], defaultdict[str, list[int]], Counter[str]]:
    """How often each command id was decided, the reservations, and how often each was released."""
    ids, released = Counter[str](), Counter[str]()
    reserved = defaultdict[str, list[int]](list)
    journal = LmdbJournal.open(path, read_only=True)
    try:
        for _, record in journal.read_every():
            if record.command_id.startswith(SOURCE):
                ids[record.command_id] += 1
            for at in recorded(stock, record):
                match at.event:
                    case Reserved(order=name, quantity=quantity):
                        reserved[name].append(quantity)
                    case Released(order=name):
                        released[name] += 1
                    case _:
                        pass
    finally:
        journal.close()
    return ids, reserved, released
