"""The crowd: people who look, think and send, on an event loop and on threads; then a rush."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import TypeAlias

from examples.board.domain import AddCard, Board, BoardCommand, BoardEvent, RenameCard, board
from examples.crowd.diary import Answer, Diary
from examples.crowd.screens import Screens
from examples.crowd.wishes import Wisher

from comity.actors import Aggregate, Domain
from comity.engine import ComityError, Receipt

Handle: TypeAlias = Aggregate[Board, BoardCommand, BoardEvent]

NAMES = (
    *("ann", "bob", "carol", "dan", "eve", "finn", "grace", "hugo", "ida", "jack", "kim", "leo"),
    *("mia", "noah", "olga", "paul", "quinn", "rosa", "sam", "tess", "uma", "vic", "wim", "zoe"),
)
FIRST_CARDS = 12
"""The number of cards on each board at the start."""
IN_THREADS = 2
"""The number of people with a thread of their own; all others share an event loop."""


@dataclass
class Person:
    """A person with a screen that shows one board."""

    handle: Handle
    wisher: Wisher
    screens: Screens
    diary: Diary

    async def work(self, until: float) -> None:
        """Look, think, send and wait for the answer, repeatedly."""
        while time.monotonic() < until:
            command, seen = self.screens.look(self.handle.id.key, self.wisher.choose)
            await asyncio.sleep(self.wisher.think())
            await send(self.handle, command, seen, self.diary)

    def work_in_a_thread(self, until: float) -> None:
        """The same on a thread, without an event loop."""
        while time.monotonic() < until:
            command, seen = self.screens.look(self.handle.id.key, self.wisher.choose)
            time.sleep(self.wisher.think())
            started = time.perf_counter()
            try:
                answer: Answer = self.handle.send(command, seen=seen).result(timeout=30)
            except ComityError as error:
                answer = error
            self.diary.note(started, answer)


async def send(handle: Handle, command: BoardCommand, seen: int, diary: Diary) -> Answer:
    started = time.perf_counter()
    try:
        answer: Answer = await handle.send(command, seen=seen)
    except ComityError as error:
        answer = error
    diary.note(started, answer)
    return answer


class Crowd:
    """All people, and the boards that they share."""

    def __init__(self, domain: Domain, boards: int, people: int, seed: int) -> None:
        self.domain = domain
        self.keys = [f"board-{number + 1}" for number in range(boards)]
        self.people = people
        self.screens = Screens(self.keys)
        self.receipts: list[Receipt[BoardEvent]] = []
        """All receipts so far."""
        self._seed = seed
        domain.listen(self.screens)

    async def begin(self) -> None:
        """Put the first cards on every board, and wait until every screen shows them."""
        diary = Diary()
        await asyncio.gather(*(self._furnish(key, diary) for key in self.keys))
        self.receipts += diary.receipts
        self.catch_up()

    async def work(self, seconds: float, diary: Diary) -> None:
        """Let all people work for some seconds."""
        people = [self._person(number, diary) for number in range(self.people)]
        until = time.monotonic() + seconds
        in_threads, others = people[:IN_THREADS], people[IN_THREADS:]
        await asyncio.gather(
            *(asyncio.to_thread(one.work_in_a_thread, until) for one in in_threads),
            *(one.work(until) for one in others),
        )
        self.receipts += diary.receipts

    async def rush(self, clients: int, seconds: float, diary: Diary) -> None:
        """Let clients rename cards of their own, each sending as soon as it is answered."""
        until = time.monotonic() + seconds
        await asyncio.gather(*(self._hurry(number, until, diary) for number in range(clients)))
        self.receipts += diary.receipts

    def catch_up(self) -> None:
        """Wait until the screens show everything."""
        self.screens.wait(self.domain.statistics().position)

    async def _furnish(self, key: str, diary: Diary) -> None:
        handle = self.domain.session("the team").aggregate(board, key)
        wisher = Wisher("the team", f"{self._seed} {key}")
        for number in range(FIRST_CARDS):
            card = AddCard(card=f"c{number + 1}", number=number + 1, title=wisher.title())
            await send(handle, card, number, diary)

    def _person(self, number: int, diary: Diary) -> Person:
        round_, name = divmod(number, len(NAMES))
        who = f"{NAMES[name]}{round_ + 1 if round_ else ''}"
        handle = self.domain.session(who).aggregate(board, self.keys[number % len(self.keys)])
        return Person(handle, Wisher(who, f"{self._seed} {who}"), self.screens, diary)

    async def _hurry(self, number: int, until: float, diary: Diary) -> None:
        key, card = self.keys[number % len(self.keys)], f"rush-{number}"
        handle = self.domain.session(card).aggregate(board, key)
        command, seen = self.screens.look(
            key, lambda shown: AddCard(card=card, number=shown.next_number, title=card)
        )
        await send(handle, command, seen, diary)
        for turn in itertools.count():
            if time.monotonic() > until:
                return
            answer = await send(handle, RenameCard(card=card, title=f"turn {turn}"), seen, diary)
            seen = seen if isinstance(answer, ComityError) else answer.version
