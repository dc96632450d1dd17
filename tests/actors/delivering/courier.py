"""A program that delivers: `python -m tests.actors.delivering.courier PATH NUMBER`.

What it delivers is a line in the file `seen` beside the path: its process, the key, the version. It
says the state of its outlet on its standard output, each time that it changes. As its ledger's
write with this number begins, it stops in the middle of it (0: never).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.actors.delivering.posts import Posts
from tests.actors.notebook import NotebookEvent, notebook

from comity.actors import Deliveries, Delivery
from comity.actors.delivering import lmdb_tables
from comity.engine.files.seal import sealed_rows

SEEN = "seen"


class Letters(Posts):
    """Writes down what it delivers, also for other programs; `stored_as` is that of `Posts`."""

    stored_as = "Letters"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = os.open(
            path.with_name(SEEN), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        )

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Write it down."""
        if at.aggregate.key.startswith("bad"):
            raise ValueError("nobody lives there")
        os.write(self._file, f"{os.getpid()} {at.aggregate.key} {at.version}\n".encode())


def stop_in_write(number: int) -> None:
    """Stop this process in the middle of its ledger's write with this number."""
    writes = iter(range(1, number + 1))

    def sealed(rows: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        if next(writes, 0) == number:
            os.kill(os.getpid(), signal.SIGSTOP)
        return sealed_rows(rows)

    setattr(lmdb_tables, "sealed_rows", sealed)  # noqa: B010 - it is not exported there


def main(path: Path, number: int) -> None:
    """Deliver until the end."""
    if number:
        stop_in_write(number)
    before = ""
    with Deliveries.open(path, [Letters(path)], deciders=[notebook]) as deliveries:
        while True:
            state = deliveries.outlets()[0].state
            if state != before and state in ("following", "standby", "stopped"):
                print(state, flush=True)
                before = state
            time.sleep(0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
