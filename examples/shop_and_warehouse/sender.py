"""The shop's outlet: it posts each order's events to the warehouse, until they are taken."""

from __future__ import annotations

from typing import Final

from cloudevents.core.bindings.http import to_structured_event
from examples.shop_and_warehouse.answer import DONE
from examples.shop_and_warehouse.network import Post
from examples.shop_and_warehouse.shop import OrderCancelled, OrderEvent, OrderPlaced

from comity.actors import Delivery, Outlet
from comity.integration import to_cloud_event

SOURCE: Final = "https://shop.example/orders"
PREFIX: Final = "com.example.shop"


class NotTaken(Exception):
    """The warehouse has not taken the event; it is sent again."""


class ToWarehouse(Outlet[OrderPlaced | OrderCancelled]):
    """Posts the events of one order after the other, and those of many orders at once."""

    start = "beginning"
    tries = 30
    back_off = (0.02, 0.2)

    def __init__(self, post: Post) -> None:
        self._post = post

    def deliver(self, event: OrderEvent, at: Delivery[OrderEvent]) -> None:
        message = to_structured_event(to_cloud_event(at, source=SOURCE, prefix=PREFIX))
        answer = self._post({**message.headers, "Idempotency-Key": at.id}, message.body)
        if answer.status not in DONE:
            raise NotTaken(f"{answer.status} {answer.text}")
