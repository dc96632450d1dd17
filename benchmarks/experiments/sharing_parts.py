"""What does it cost a process that others write the same boards, and what follows for many cores?

One thread takes the turns of all parts by hand, without flushes, as in `stages`. Before some rounds
another process writes the same boards, so that each state is old. The estimate for many processes
is made of these parts; it says where it bends.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.experiments import flush
from benchmarks.experiments.by_hand import ByHand
from benchmarks.experiments.finding import Finding
from benchmarks.experiments.stages import MANY, Stages
from benchmarks.peers.comity_board import CreateCard, RenameCard, board
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.testing import SwitchedJournal

BOARDS: Final = 2_048
_ROUNDS: Final = 40
"""For each second that is asked for."""
_CORES: Final = (1, 2, 4, 8, 16)
_GROUP: Final = 64
"""Commands in a commit of the estimate: each process has so many clients that wait."""


class _Timed(SwitchedJournal):
    """The journal; it notes how long each `append` takes, which LMDB's lock is held for."""

    took = 0.0

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> Sequence[Result]:
        began = time.thread_time()
        results = super().append(turns, snapshots)
        self.took = time.thread_time() - began
        return results


class Hand:
    """A domain of boards whose turns one thread takes."""

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        self._runtime = ByHand()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "unsafe_no_fsync")  # only the CPU counts here
            opened = LmdbJournal.open(path, unsafe_no_fsync=True, exclusive=exclusive)
        self.journal = _Timed(opened)
        self.domain = Domain(self.journal, deciders=[board], runtime=self._runtime)
        self._handles = [self.domain.aggregate(board, f"board-{one:04}") for one in range(BOARDS)]

    def create(self, card: str) -> None:
        """Make a card on each board."""
        for handle in self._handles:
            handle.send(CreateCard(card=card, title="at first"))
        self._commit()

    def round(self, number: int, card: str, stages: Stages, about: str) -> None:
        """Rename a card on 256 boards, and time the stages."""
        start = number * MANY % BOARDS
        commands = [RenameCard(card=card, title=f"title {number} {one}") for one in range(MANY)]
        some = list(zip(self._handles[start : start + MANY], commands, strict=True))
        stages.time("send", lambda: [handle.send(command) for handle, command in some])
        decide, commit = (self._runtime.named(f"comity-{one}") for one in ("pool", "committer"))
        stages.time(f"decide, {about}", decide.run)
        stages.time(f"commit, {about}", commit.run)
        stages.rounds.setdefault(f"append, {about}", []).append(self.journal.took)

    def _commit(self) -> None:
        for _ in self._runtime.turns():
            pass


class _Other:
    """Another process that writes the same boards."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "benchmarks.experiments.sharing_parts", str(path)]
        self._popen = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - this project's own
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(self._popen.kill)
        self.write(-1)

    def write(self, number: int) -> None:
        """Have it write the boards of a round; -1: make its cards."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        print(number, file=self._popen.stdin, flush=True)
        if not self._popen.stdout.readline():
            raise Wrong("the other process ended early; its error is above")

    def end(self) -> None:
        """Let it close the boards."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        self._popen.wait()


def run(folder: Path, seconds: float) -> list[Finding]:
    """The least of the rounds, of each part; then the estimate."""
    stages = _measured(folder, int(seconds * _ROUNDS) + 2)
    least, middle = stages.least, stages.median
    findings = [
        Finding(part, least[part], "µs", note=f"median {middle[part]:.2f}") for part in least
    ]
    flushed = flush.run(folder, seconds / 4)[0]
    findings.append(Finding("two flushes of a commit, p50", flushed.figure, flushed.unit))
    return [*findings, *_estimates(least, (flushed.figure or 0.0) * 1e3)]


def _measured(folder: Path, rounds: int) -> Stages:
    stages = Stages()
    with ExitStack() as stack:
        lone, mine = Hand(folder / "lone", exclusive=True), Hand(folder / "shared")
        stack.callback(lone.domain.close)
        stack.callback(mine.domain.close)
        lone.create("mine")
        mine.create("mine")
        other = _Other(folder / "shared", stack)
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        for number in range(2 * rounds):
            mine.round(number, "mine", Stages(), "")  # nothing is old after this
            mine.round(number, "mine", stages, "alone")
            lone.round(number, "mine", Stages(), "")
            lone.round(number, "mine", stages, "exclusive")
            times = 1 + number % 2
            for _ in range(times):
                other.write(number)
                stages.time("take over a foreign command", mine.journal.news)
            mine.round(number, "mine", stages, f"{('one', 'two')[times - 1]} foreign before")
        other.end()
        wanted = BOARDS * 2 + MANY * rounds * 2 * 3 + MANY * rounds * 3
        if (position := mine.domain.statistics().position) != wanted:
            raise Wrong(f"{position:,} events; {wanted:,} were expected")
    return stages


def _estimates(part: dict[str, float], flushed: float) -> Iterator[Finding]:
    """Commands per second of N processes on N cores, as the parts say.

    A process decides its own commands, and takes over those of the N-1 others. A state is old with
    the chance (N-1)/N; on average N-1 foreign commands came between two of its own. `append` is
    what one process at a time does, with a flush for each group.
    """
    alone = part["send"] + part["decide, alone"] + part["commit, alone"]
    first = part["decide, one foreign before"] - part["decide, alone"]
    next_ = part["decide, two foreign before"] - part["decide, one foreign before"]
    inside = part["append, one foreign before"] + flushed / _GROUP
    for cores in _CORES:
        others, old = cores - 1, (cores - 1) / cores
        more = others * part["take over a foreign command"] + old * first
        each = alone + more + (others - old) * max(0.0, next_)
        computed, locked = cores * 1e6 / each, 1e6 / inside
        yield Finding(
            f"estimate: {cores} processes on {cores} cores",
            min(computed, locked),
            "commands/s",
            min(1e6 / alone, locked),
            f"{each:.0f} µs CPU a command: {computed:,.0f}/s; the lock, {inside:.0f} µs: "
            f"{locked:,.0f}/s",
        )


def _write(path: Path) -> None:
    """Be the other process."""
    hand = Hand(path)
    for line in sys.stdin:
        if int(line) < 0:
            hand.create("other")
        else:
            hand.round(int(line), "other", Stages(), "")
        print("done", flush=True)
    hand.domain.close()


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
