"""kill -9 at random moments under load: nothing receipted is lost, doubled or partial.

200 runs in `./scripts/soak`, a few in CI; `COMITY_KILLS` says how many.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.crash.ledger import PARTS, Move, ledger

from comity.actors import Domain
from comity.engine import Rejected
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record

ROOT = Path(__file__).parents[2]


@dataclass
class Told:
    """What the killed program had said."""

    sent: set[str] = field(default_factory=set[str])
    receipts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    refused: set[str] = field(default_factory=set[str])

    def read(self, output: bytes) -> None:
        """Take its lines in; the last one may be cut."""
        for line in output.decode().split("\n")[:-1]:
            match line.split():
                case ["S", id_]:
                    self.sent.add(id_)
                case ["A", id_, version, position]:
                    self.receipts[id_] = (int(version), int(position))
                case ["R", id_]:
                    self.refused.add(id_)
                case _:
                    pass


def _run_and_kill(path: Path, seed: int, seconds: float) -> bytes:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.ledger", str(path), str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        output = b""
        if seed % 5:  # every fifth is killed while it opens
            output = child.stdout.readline()
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        return output + child.stdout.read()


def _records(path: Path) -> list[Record]:
    journal = LmdbJournal.open(path)
    try:
        return list(journal.read_all())
    finally:
        journal.close()


def _check(path: Path, told: Told) -> dict[str, Record]:
    records = _records(path)
    positions, versions = 0, Counter[str]()
    for record in records:
        assert len(record.events) == PARTS, "a command is whole"
        assert record.position == positions, "positions have no gap"
        assert record.version == versions[record.aggregate.key], "versions have no gap"
        positions += PARTS
        versions[record.aggregate.key] += PARTS
    stored = {record.command_id: record for record in records}
    assert len(stored) == len(records), "no command is there twice"
    for id_, (version, position) in told.receipts.items():
        record = stored[id_]  # a KeyError here is a receipted command that was lost
        assert (record.version + PARTS, record.position + PARTS) == (version, position)
    assert not stored.keys() & told.refused, "what was refused did not happen"
    assert stored.keys() <= told.sent, "nothing happened that nobody sent"
    return stored


def _ask_again(path: Path, told: Told, stored: dict[str, Record]) -> int:
    """Send every unanswered command again with its id; the truth comes back."""
    unanswered = told.sent - told.receipts.keys() - told.refused
    with Domain.open(path, deciders=[ledger]) as domain:
        for id_ in sorted(unanswered):
            _name, _n, amount, key = id_.split("-")
            pending = domain.aggregate(ledger, key).send(Move(book="b", amount=int(amount)), id=id_)
            try:
                receipt = pending.result(30)
            except Rejected:
                assert id_ not in stored
                told.refused.add(id_)
            else:
                if id_ in stored:
                    assert receipt.version == stored[id_].version + PARTS
                told.receipts[id_] = (receipt.version, receipt.position)
    return len(unanswered & stored.keys())


def _kill_again_and_again(path: Path, runs: int, seed: int) -> tuple[int, int, int]:
    rng = random.Random(seed)
    told, known = Told(), 0
    for run in range(runs):
        told.read(_run_and_kill(path, seed * 1000 + run, rng.uniform(0, 0.25)))
        stored = _check(path, told) if path.exists() else {}
        if path.exists():
            known += _ask_again(path, told, stored)
            _check(path, told)
    return len(told.receipts), len(told.refused), known


def _report(runs: int, figures: tuple[int, int, int]) -> None:
    receipts, refused, known = figures
    assert receipts > runs, "the killed program got to work"
    print(
        f"\n{runs} kills: {receipts} receipts, {refused} refusals, 0 lost, 0 doubled, 0 partial; "
        f"{known} commands were durable and unanswered, and their ids said so"
    )


def test_after_kill_9_every_receipted_event_is_there_once_and_whole(tmp_path: Path) -> None:
    runs = 8
    _report(runs, _kill_again_and_again(tmp_path / "ledger", runs, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_200_kills_every_receipted_event_is_there_once_and_whole(tmp_path: Path) -> None:
    runs = int(os.environ.get("COMITY_KILLS", "200"))
    for batch in range(0, runs, 40):  # 40 kills of the same journal in a row
        figures = _kill_again_and_again(tmp_path / f"ledger{batch}", min(40, runs - batch), batch)
        _report(min(40, runs - batch), figures)


def test_a_receipt_without_its_event_would_be_noticed(tmp_path: Path) -> None:
    told = Told()
    with Domain.open(tmp_path / "ledger", deciders=[ledger]) as domain:
        receipt = domain.aggregate(ledger, "a0").send(Move(book="b", amount=1), id="x").result(30)
    told.sent = {"x", "y"}
    told.receipts = {"x": (receipt.version, receipt.position), "y": (6, 6)}
    with pytest.raises(KeyError, match="y"):
        _check(tmp_path / "ledger", told)
