"""The program that is killed: people ask for trips, which a process books, and for reminders.

Run as `python -m tests.crash.traveller PATH SEED`. It writes `A key` once a wish is durable.
"""

from __future__ import annotations

import os
import random
import sys
from collections import deque

from tests.actors.processes.travel import DECIDERS, Ask, Asked, Said, trip, wishes

from comity.actors import Domain, Pending
from comity.engine import Receipt

IN_FLIGHT = 16
VESSELS = 200


def say(line: str) -> None:
    """Write a line at once: no buffer dies with the program."""
    os.write(1, f"{line}\n".encode())


def ask(dice: random.Random) -> Ask:
    """A wish for up to four places; some are refused. Without a place it is for a reminder."""
    chosen = dice.sample(range(VESSELS), dice.randrange(4))
    return Ask(places=tuple(f"v{number}" for number in sorted(chosen)))


def main() -> None:
    """Run until killed."""
    path, seed = sys.argv[1], int(sys.argv[2])
    dice = random.Random(seed)
    domain = Domain.open(path, deciders=DECIDERS, processes=[trip])
    say("open")
    waiting: deque[tuple[str, Pending[Receipt[Asked | Said]]]] = deque()
    for number in range(100_000):
        key, wish = f"{seed}-{number}", ask(dice)
        asked = domain.aggregate(wishes, key)
        pending = asked.send(wish, id=key)
        if not wish.places:
            pending = asked.send(Ask(word="soon"), id=f"{key} soon")
        waiting.append((key, pending))
        if len(waiting) > IN_FLIGHT:
            key, pending = waiting.popleft()
            pending.result(60)
            say(f"A {key}")


if __name__ == "__main__":
    main()
