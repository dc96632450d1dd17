"""Orders in the shop, a bad network, and a warehouse that takes all of them once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from examples.shop_and_warehouse.network import Network, Post, Weather
from examples.shop_and_warehouse.proof import Proof, prove
from examples.shop_and_warehouse.sender import ToWarehouse
from examples.shop_and_warehouse.shop import CancelOrder, PlaceOrder, order
from examples.shop_and_warehouse.warehouse import Fill, stock

from comity.actors import Domain

ITEMS = 20
ENOUGH = 1_000_000
SCARCE = 20
"""How many of the first item there are: it is soon sold out."""
PATIENCE = 600.0
"""The most seconds until all events are taken."""


class Told(NamedTuple):
    """What happened."""

    proof: Proof
    network: Counter[str]
    """What happened to the requests."""
    seconds: float
    """From the first order until the warehouse had taken all events."""


def fill(path: Path) -> None:
    """Fill the shelves of a new warehouse, and close it."""
    with Domain.open(path, deciders=[stock]) as warehouse:
        for number in range(ITEMS):
            goods = SCARCE if number == 0 else ENOUGH
            warehouse.aggregate(stock, f"item-{number}").do(Fill(quantity=goods))


def sell(shop: Domain, events: int, seed: int) -> None:
    """Place orders, and cancel each fifth, until the shop has this many events."""
    dice, placed = Random(seed), events - events // 6
    pending = [
        shop.aggregate(order, f"A-{number}").send(
            PlaceOrder(item=f"item-{dice.randrange(ITEMS)}", quantity=dice.randint(1, 5))
        )
        for number in range(placed)
    ]
    for one in pending:
        one.result()
    gone = dice.sample(range(placed), events - placed)
    for one in [shop.aggregate(order, f"A-{number}").send(CancelOrder()) for number in gone]:
        one.result()


def play(
    folder: Path,
    post: Post,
    *,
    events: int,
    seed: int = 1,
    weather: Weather | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    ended: Callable[[], None] = lambda: None,
) -> Told:
    """Sell until the shop has this many events, and wait until the warehouse has taken them.

    Args:
        folder: has the filled warehouse as `warehouse`, and gets the shop as `shop`.
        post: posts to the warehouse.
        events: how many events.
        seed: of the orders and of the network.
        weather: how bad the network is.
        meanwhile: called again and again until all events are taken.
        ended: closes the warehouse, so that its journal can be read.
    """
    began = time.monotonic()
    with Network(post, seed, weather) as network:
        outlet = ToWarehouse(network.post)
        with Domain.open(folder / "shop", deciders=[order], outlets=[outlet]) as shop:
            sell(shop, events, seed)
            while _waits(shop, outlet) and time.monotonic() < began + PATIENCE:
                meanwhile()
                time.sleep(0.02)
        seconds = time.monotonic() - began
    ended()
    return Told(prove(folder / "shop", folder / "warehouse"), network.counts, seconds)


def _waits(shop: Domain, outlet: ToWarehouse) -> bool:
    """Whether events are neither taken nor parked."""
    status = shop.outlet(outlet).status()
    return status.lag_events > 0 or status.waiting_events > 0 or status.in_flight > 0
