"""Backups at random moments of a domain under load, each restored and compared with the receipts.

200 backups into new places and 50 into the same one in `./scripts/soak`, a few in CI.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import NamedTuple

import pytest
from tests.backups.ledgers import Count, Told, counter, opened

from comity.actors import Domain, OutletLedger, restore
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.verifying.verify import verify

ROOT = Path(__file__).parents[2]
KEYS = 20


class Got(NamedTuple):
    """What a receipt has said."""

    id: str
    key: str
    version: int
    position: int


class Load:
    """Clients that send commands, and keep their receipts."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._lock = Lock()
        self._receipts: list[Got] = []
        self._end = Event()
        self._threads = [Thread(target=self._send, args=(number,)) for number in range(4)]

    def receipts(self) -> list[Got]:
        """The receipts until now."""
        with self._lock:
            return self._receipts.copy()

    def _send(self, client: int) -> None:
        rng, turn = random.Random(client), 0
        while not self._end.is_set():
            turn += 1
            batch = [(f"{client}-{turn}-{one}", f"k{rng.randrange(KEYS)}") for one in range(8)]
            pending = [
                self._domain.aggregate(counter, key).send(Count(number=1), id=id_)
                for id_, key in batch
            ]
            for (id_, key), one in zip(batch, pending, strict=True):
                receipt = one.result(120)
                with self._lock:
                    self._receipts.append(Got(id_, key, receipt.version, receipt.position))
            time.sleep(0.002)

    @contextmanager
    def running(self) -> Generator[None]:
        """Send until the block ends."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in self._threads:
                thread.join()


def check(new: Path, dest: Path, got: list[Got], path: Path, original: LmdbJournal) -> int:
    """Restore, verify, and compare with receipts from before the backup, and with the original."""
    held = restore(dest, new, beside=path.parent).holds
    found = verify(new)
    assert found.is_sound, found.faults
    journal = LmdbJournal.open(new, read_only=True)
    try:
        for receipt in got:
            record = journal.find(receipt.id)
            assert record is not None, receipt
            assert (record.aggregate.key, record.last_version) == (receipt.key, receipt.version)
            assert record.last_position == receipt.position <= held.position
        pairs = zip(journal.read_every(), original.read_every(), strict=False)
        assert all(here == there for here, there in pairs)
        records = journal.figures().records
    finally:
        journal.close()
    with OutletLedger.open(new, "Told") as ledger:
        assert ledger.status().position <= held.position
        assert "an older backup" not in (ledger.status().error or "")
    shutil.rmtree(new)
    return records


def back_up_again_and_again(
    tmp_path: Path, backups: int, *, again: bool, each: int, seed: int
) -> str:
    """Back up so often, `each` times each journal; return the figures."""
    rng, sizes, seconds, new = random.Random(seed), list[int](), list[float](), tmp_path / "new.db"
    for first in range(0, backups, each):
        path = tmp_path / f"team{first}.db"
        with opened(path, Told()) as domain:
            load = Load(domain)
            places = list[tuple[Path, list[Got]]]()
            with load.running():
                for number in range(first, min(backups, first + each)):
                    time.sleep(rng.uniform(0, 0.1))
                    dest = tmp_path / ("team.backup" if again else f"{number}.backup")
                    got, began = load.receipts(), time.monotonic()
                    done = domain.backup(dest)
                    seconds.append(time.monotonic() - began)
                    assert done.complete
                    assert done.read_back == done.commits
                    if again:
                        sizes.append(checked(new, dest, got, path, domain))
                    else:
                        places.append((dest, got))
            for dest, got in places:
                sizes.append(checked(new, dest, got, path, domain))
                shutil.rmtree(dest)
        shutil.rmtree(path)
        shutil.rmtree(tmp_path / "team.backup", ignore_errors=True)
    worst = max(seconds)
    return f"{backups} backups, {min(sizes):,} to {max(sizes):,} commands, at most {worst:.2f} s"


def checked(new: Path, dest: Path, got: list[Got], path: Path, domain: Domain) -> int:
    journal = domain._assembly.journal  # pyright: ignore[reportPrivateUsage] - only to compare
    assert isinstance(journal, LmdbJournal)
    return check(new, dest, got, path, journal)


def test_a_backup_under_load_has_every_receipt_from_before_it(tmp_path: Path) -> None:
    back_up_again_and_again(tmp_path, 3, again=False, each=3, seed=1)


def test_a_backup_that_adds_what_is_new_has_every_receipt_from_before_it(tmp_path: Path) -> None:
    back_up_again_and_again(tmp_path, 4, again=True, each=4, seed=2)


def test_another_process_backs_up_beside_the_load(tmp_path: Path) -> None:
    path, dest = tmp_path / "team.db", tmp_path / "dest"
    with opened(path, Told()) as domain:
        load = Load(domain)
        with load.running():
            time.sleep(0.2)
            got = load.receipts()
            words = [sys.executable, "-m", "comity.cli", "backup", str(path), str(dest)]
            subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
        assert got
        checked(tmp_path / "new.db", dest, got, path, domain)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_200_backups_at_random_moments(tmp_path: Path) -> None:
    print(f"\n{back_up_again_and_again(tmp_path, 200, again=False, each=10, seed=3)}")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_50_backups_into_one_place(tmp_path: Path) -> None:
    print(f"\n{back_up_again_and_again(tmp_path, 50, again=True, each=50, seed=4)}")
