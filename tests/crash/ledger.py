"""The program that is killed: clients in threads and tasks, which say what they sent and what came.

Run as `python -m tests.crash.ledger PATH SEED`; a line per fact on standard output, at once:
`S id` before a command is sent, `A id version position` for a receipt, `R id` for a refusal.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from comity.actors import Domain
from comity.engine import ComityError, Command, Decider, Event, Key, Rejected

PARTS = 3
ACCOUNTS = 5


class Move(Command):
    """Post one amount in three parts: all of them, or none."""

    book: Key[str]
    amount: int


class Moved(Event):
    """One part was posted."""

    book: Key[str]
    amount: int
    part: int
    commutes = True


LedgerCommand = Move
LedgerEvent = Moved


@dataclass
class Ledger:
    """The sum of all parts."""

    total: int = 0


def decide(ledger: Ledger, command: Move) -> Iterator[Moved]:
    """Three parts; every seventh amount is refused."""
    if command.amount % 7 == 0:
        msg = "no sevens"
        raise Rejected(msg)
    for part in range(PARTS):
        yield Moved(book=command.book, amount=command.amount, part=part)


def evolve(ledger: Ledger, event: Moved) -> Ledger:
    """Add the part."""
    ledger.total += event.amount
    return ledger


ledger = Decider("ledger", Ledger, decide, evolve)


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write, atomic on a pipe: no buffer dies with us


def _command(rng: random.Random) -> tuple[str, Move]:
    return f"a{rng.randrange(ACCOUNTS)}", Move(book="b", amount=rng.randrange(1, 1000))


def _thread(domain: Domain, name: str, seed: int) -> None:
    rng = random.Random(seed)
    for n in range(100_000):
        key, command = _command(rng)
        id_ = f"{name}-{n}-{command.amount}-{key}"
        _say(f"S {id_}")
        try:
            account = domain.aggregate(ledger, key)
            if n % 2:
                receipt = account.do(command, id=id_)  # decided and written on this thread
            else:
                receipt = account.send(command, id=id_).result(30)
        except Rejected:
            _say(f"R {id_}")
        except ComityError:
            return
        else:
            _say(f"A {id_} {receipt.version} {receipt.position}")


async def _task(domain: Domain, name: str, seed: int) -> None:
    rng = random.Random(seed)
    for n in range(100_000):
        key, command = _command(rng)
        id_ = f"{name}-{n}-{command.amount}-{key}"
        _say(f"S {id_}")
        try:
            receipt = await domain.aggregate(ledger, key).send(command, id=id_)
        except Rejected:
            _say(f"R {id_}")
        else:
            _say(f"A {id_} {receipt.version} {receipt.position}")


async def _tasks(domain: Domain, seed: int) -> None:
    await asyncio.gather(*[_task(domain, f"{seed}t{n}", seed * 100 + n) for n in range(16)])


def main() -> None:
    """Run until killed."""
    path, seed = sys.argv[1], int(sys.argv[2])
    domain = Domain.open(path, deciders=[ledger])
    _say("open")
    for n in range(4):
        threading.Thread(
            target=_thread, args=(domain, f"{seed}c{n}", seed * 1000 + n), daemon=True
        ).start()
    asyncio.run(_tasks(domain, seed))


if __name__ == "__main__":
    main()
