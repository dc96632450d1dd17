"""One of several programs that have the shop open, with customers who note what they were told."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.crash.reaching.killer import TOO_MUCH
from tests.crash.reaching.models import MODELS, Orders
from tests.crash.reaching.shop import Bills, ChangeOrder, PlaceOrder, open_shop, shop

from comity.actors import Domain
from comity.engine import ComityError

CUSTOMERS = 2
PATIENCE = 60.0
"""Seconds after which a customer says that it was left waiting."""


class Note(NamedTuple):
    """A line in the notes of a program."""

    life: int
    what: str
    """The command's id; `read`; `ending`: the program was asked to end; or `broken`: something was
    raised that must not be."""
    start: int
    end: int
    told: str
    """The position of a receipt or of a model; or what was raised, or came."""

    @property
    def is_command(self) -> bool:
        """Whether it is the answer to a command."""
        return self.what not in {"read", "ending", "broken"}

    @property
    def is_receipt(self) -> bool:
        """Whether a command was accepted."""
        return self.is_command and self.told.isdigit()


def read_notes(path: Path) -> Iterator[Note]:
    """The notes; the last line of a program that was killed may be cut."""
    with path.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield Note(*json.loads(line))


class Sharer:
    """One life of a program."""

    def __init__(self, path: Path, service: Path, life: int, seed: int, notes: Path) -> None:
        self._life = life
        self._seed = seed
        self._notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._ending = threading.Event()
        signal.signal(signal.SIGTERM, self._end)
        threading.excepthook = self._broken
        self._domain = open_shop(path, service, life, MODELS)

    def live(self) -> None:
        """Place orders until killed, or until asked to end."""
        for number in range(CUSTOMERS):
            threading.Thread(target=self._customer, args=(number,), daemon=True).start()
        while not self._ending.wait(0.05):
            with suppress(ComityError):  # another program may have the outlet
                self._domain.outlet(Bills).try_again()
        self._domain.close()

    def _end(self, _signal: int, _frame: object) -> None:
        self._note("ending", time.monotonic_ns(), "asked to end")
        self._ending.set()

    def _customer(self, number: int) -> None:
        dice = random.Random(f"{self._seed} {self._life} {number}")
        for order in range(100_000):
            self._order(dice, f"{self._life}-{number}-{order}")
            time.sleep(dice.uniform(0, 0.01))
            while not self._ending.is_set() and _has_much_to_do(self._domain):
                time.sleep(0.02)

    def _order(self, dice: random.Random, order: str) -> None:
        customer = self._domain.aggregate(shop, f"s{dice.randrange(5)}")
        placed = PlaceOrder(order=order, weight=dice.randrange(1, 100), late=dice.randrange(5, 500))
        start = time.monotonic_ns()
        try:
            receipt = customer.do(placed, id=f"place {order}")
        except ComityError as error:
            self._note(f"place {order}", start, type(error).__name__)
            return
        self._note(f"place {order}", start, str(receipt.position))
        if dice.random() < 0.2:
            self._read(order, receipt.position)
        if dice.random() < 0.3:
            start = time.monotonic_ns()
            with suppress(ComityError):
                receipt = customer.do(ChangeOrder(order=order), id=f"change {order}")
                self._note(f"change {order}", start, str(receipt.position))

    def _read(self, order: str, position: int) -> None:
        start = time.monotonic_ns()
        try:
            with self._domain.read(Orders, after=position, timeout=PATIENCE) as orders:
                assert orders.rows.get(order) is not None, f"{order} is not in the model"
                told = str(orders.position)
        except ComityError as error:
            told = type(error).__name__
        self._note("read", start, told)

    def _note(self, what: str, start: int, told: str) -> None:
        line = json.dumps(Note(self._life, what, start, time.monotonic_ns(), told))
        os.write(self._notes, f"{line}\n".encode())  # one write: no buffer dies with the program

    def _broken(self, raised: threading.ExceptHookArgs) -> None:
        self._note("broken", time.monotonic_ns(), f"{raised.thread}: {raised.exc_value!r}")


def _has_much_to_do(domain: Domain) -> bool:
    try:
        (status,) = domain.processes()
    except ComityError:
        return False
    return status.unheard + status.orders > TOO_MUCH


def share(path: Path, service: Path, life: int, seed: int, notes: Path) -> None:
    """Live one life; a signal to end ends it well."""
    Sharer(path, service, life, seed, notes).live()
    sys.stdout.flush()
