"""Whatever `deliver` raises, its event is delivered later, and the domain goes on."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, notebook
from tests.actors.shelf import until

from comity.actors import Delivery, Domain, Outlet
from comity.engine import Closed, DeciderFailed, Rejected
from comity.engine.journal.memory_journal import MemoryJournal

ERRORS: list[BaseException] = [
    asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1), GeneratorExit(), StopIteration(),
    StopAsyncIteration(), TimeoutError(), MemoryError(), RecursionError(), BaseException("bare"),
    Rejected("no"), DeciderFailed("no"), Closed("no"),
]  # fmt: skip


class Raising:
    """Raises each error once for each key."""

    def __init__(self) -> None:
        self.tried = dict[str, int]()
        self.sent = set[str]()

    def send(self, key: str) -> None:
        tries = self.tried[key] = self.tried.get(key, 0) + 1
        if tries <= len(ERRORS):
            raise ERRORS[tries - 1]
        self.sent.add(key)


class Plain(Raising, Outlet[NotebookEvent]):
    start = "beginning"
    back_off = (0.001, 0.01)
    tries = 1_000

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        self.send(at.aggregate.key)


class OnLoop(Raising, Outlet[NotebookEvent]):
    start = "beginning"
    back_off = (0.001, 0.01)
    tries = 1_000

    async def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        self.send(at.aggregate.key)


def test_whatever_deliver_raises_the_event_is_delivered_later(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    outlets: list[Plain | OnLoop] = [Plain(), OnLoop()]
    with Domain(MemoryJournal(), deciders=[notebook], outlets=outlets, ledgers=tmp_path) as domain:
        for key in ("a", "b", "c", "d"):
            domain.aggregate(notebook, key).do(Stamp(page="p", stamps=1))
        assert until(lambda: all(one.sent == {"a", "b", "c", "d"} for one in outlets))
        assert [one.parked for one in domain.outlets()] == [0, 0]
