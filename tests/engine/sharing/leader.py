"""A program that leads whenever it can: `python -m tests.engine.sharing.leader LOCK LOG TURNS`.

It writes `begin EPOCH PID` into the log when it leads, and `end EPOCH PID` before it gives the
lease back, after which others have their turn; with 0 turns it keeps the lease. It says `leads` and
`lost` on its standard output.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from comity.engine.sharing.lease import Lease
from comity.engine.sharing.lease_watch import LeaseWatch


def main(lock: Path, log: Path, turns: int) -> None:
    look, had = LeaseWatch(lock), 0
    while not turns or had < turns:
        if not (look.free() or look.hangs()):
            time.sleep(0.001 if turns else 0.05)
            continue
        lease = Lease.take(lock, f"process {os.getpid()}", over=look)
        if lease is None:
            continue
        had += 1
        note(log, "begin", lease)
        if turns:
            note(log, "end", lease)
        else:
            keep(lease)
        lease.release()


def keep(lease: Lease) -> None:
    print("leads", lease.epoch, flush=True)
    while lease.beat():
        time.sleep(0.05)
    print("lost", lease.epoch, flush=True)


def note(log: Path, what: str, lease: Lease) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{what} {lease.epoch} {os.getpid()}\n".encode())
    os.close(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
