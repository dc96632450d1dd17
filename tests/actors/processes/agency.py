"""A program that runs trips: `python -m tests.actors.processes.agency PATH PLACE TIME`.

It says the state of its process on its standard output, each time that it changes. When it is at
this place in the code (see `MISCHIEF`) for the time with this number, it says "there", and the
thread waits for a line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.actors.processes.travel import DECIDERS, MISCHIEF, trip

from comity.actors import Domain
from comity.engine.journal.lmdb_journal import LmdbJournal

KEEP_IDS = 10


def open_agency(path: Path) -> Domain:
    """Open a domain whose journal forgets ids after a few commands."""
    journal = LmdbJournal.open(path, keep_ids=KEEP_IDS)
    return Domain(journal, deciders=DECIDERS, processes=[trip], models=path / "models")


def wait_at(place: str, number: int) -> None:
    """Let a thread wait when it is there for the time with this number."""
    times = iter(range(1, number + 1))

    def wait() -> None:
        if next(times, 0) == number:
            print("there", flush=True)
            sys.stdin.readline()

    MISCHIEF[place] = wait


def main(path: Path, place: str, number: int) -> None:
    """Run trips until the end."""
    wait_at(place, number)
    before = ""
    with open_agency(path) as domain:
        while True:
            state = domain.processes()[0].state
            if state != before and state in ("following", "standby"):
                print(state, flush=True)
                before = state
            time.sleep(0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
