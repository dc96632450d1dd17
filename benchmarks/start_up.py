"""Starting up after kill -9: from opening the journal to the first answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.filled import fill, names
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import RenameCard, board
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain

_BOARDS = 1_000
_MORE = 2_000


def run(job: Job, folder: Path) -> Result:
    """A child fills the journal, sends commands and is killed; then this process opens it."""
    events, path = int(job.case.options["at"]), folder / "boards"
    each = max(1, events // _BOARDS)
    command = [sys.executable, "-m", "benchmarks.start_up", str(path), str(each)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if child.returncode != -signal.SIGKILL:
        raise Wrong(child.stderr[-300:])
    began = time.perf_counter()
    with Domain.open(path, deciders=[board]) as domain:
        opened = time.perf_counter() - began
        handle = domain.aggregate(board, names(_BOARDS)[0])
        receipt = handle.send(RenameCard(card="card-0000", title="up again")).result(600)
        took = time.perf_counter() - began
        position = domain.statistics().position
    if position != each * _BOARDS + _MORE + 1 or receipt.position != position:
        msg = f"expected {each * _BOARDS + _MORE + 1:,} events, got {position:,}"
        raise Wrong(msg)
    facts = {"ms to open": opened * 1e3}
    return Result(took * 1e3, "ms", f"all {position:,} events are there", facts)


def main() -> None:
    """The child, which does not close the domain."""
    path, each = Path(sys.argv[1]), int(sys.argv[2])
    fill(path, _BOARDS, each)
    domain = Domain.open(path, deciders=[board])
    handles = [domain.aggregate(board, name) for name in names(_BOARDS)]
    for _ in range(_MORE // _BOARDS):
        commands = [handle.send(RenameCard(card="card-0000", title="last")) for handle in handles]
        for pending in commands:
            pending.result(60)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
