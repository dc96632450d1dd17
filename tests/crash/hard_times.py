"""The program whose disk fails: clients, two models and a listener, and one failure after another.

Run as `python -m tests.crash.hard_times FOLDER SEED ROUNDS SECONDS` with the environment of
`tests.support.failing_disk`. A failure that lasts 0 SECONDS is a single one. It ends with a line of
JSON: what the clients were told, and how long it took to go on each time.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import Counts, Pages, until
from tests.support.failing_disk import EIO, ENOSPC, FLUSH, META, SHORT, WRITE, Disk
from tests.support.heard import Heard

from comity.actors import Domain
from comity.engine import NotExecuted, OutcomeUnknown, StorageFailed
from comity.readmodels.generations.model_folder import MODELS

MODELS_HERE = [Pages, Counts]
BOOKS = 4
WAYS = [
    ("journal", WRITE), ("journal", FLUSH), ("journal", META), ("model", WRITE), ("model", META),
]  # fmt: skip
NAMES = {WRITE: "write", FLUSH: "flush", META: "meta"}
LIMIT = 60.0
"""Seconds after which it is taken for never going on."""


class Clients:
    """Threads that send, each command with an id, until it is known what became of it."""

    def __init__(self, domain: Domain, seed: int) -> None:
        self.receipts: dict[str, tuple[str, int]] = {}
        self.refused: list[str] = []
        self.errors = Counter[str]()
        self.broken: list[str] = []
        self._domain = domain
        self._may = threading.Event()
        self._over = False
        self._threads = [
            threading.Thread(target=self._send, args=(f"{seed}-{n}", n)) for n in range(3)
        ]
        for thread in self._threads:
            thread.start()

    def go(self) -> None:
        """Send."""
        self._may.set()

    def rest(self) -> None:
        """Send nothing new."""
        self._may.clear()

    def end(self) -> None:
        """Finish what was begun, and end."""
        self._over = True
        self._may.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "every command is answered"
        assert not self.broken, self.broken

    def _send(self, name: str, number: int) -> None:
        rng = random.Random(name)
        sent = 0
        while not self._over:
            self._may.wait()
            sent += 1
            try:
                self._see_through(f"{name}-{sent}", f"b{rng.randrange(BOOKS)}", number, rng)
            except BaseException as error:
                self.broken.append(repr(error))
                return
            time.sleep(rng.uniform(0, 0.004))

    def _see_through(self, id_: str, key: str, number: int, rng: random.Random) -> None:
        """Retry what is not known; believe who says that it did not happen, or try again."""
        book = self._domain.aggregate(notebook, key)
        command = Stamp(page=f"p{number}", stamps=1)
        while True:
            try:
                if rng.random() < 0.5:
                    receipt = book.do(command, id=id_)
                else:
                    receipt = book.send(command, id=id_).result(30)
            except OutcomeUnknown:
                self.errors["OutcomeUnknown"] += 1
            except NotExecuted as error:
                self.errors[type(error).__name__] += 1
                if rng.random() < 0.5:
                    self.refused.append(id_)
                    return
            else:
                self.receipts[id_] = (key, receipt.version)
                return
            time.sleep(rng.uniform(0, 0.03))


class Trial:
    """One failure after another, and how long it takes each time until everything goes on."""

    def __init__(self, path: Path, seed: int, seconds: float) -> None:
        self.rng = random.Random(seed)
        self.domain = Domain.open(path, deciders=[notebook], read_models=MODELS_HERE)
        self.heard = Heard()
        self.domain.listen(self.heard)
        self.clients = Clients(self.domain, seed)
        self.disk = Disk()
        self.path = path
        self.seconds = seconds
        self.failures = Counter[str]()
        self.waits: dict[str, list[float]] = {"writing": [], "models": []}
        self.probes = 0

    def round(self, number: int) -> None:
        """One failure."""
        where, kind = WAYS[number % len(WAYS)]
        error = self.rng.choice([EIO, ENOSPC] if kind == FLUSH else [EIO, ENOSPC, SHORT])
        folder = self.path / ("data.mdb" if where == "journal" else MODELS)
        self.clients.go()
        self.disk.fail(
            folder, kind, error,
            after=self.rng.randrange(3), times=0 if self.seconds else 1,
            done=self.rng.choice([0, 0, 1, 2]) if kind == META else 0,
        )  # fmt: skip
        assert until(lambda: self.disk.hits > 0), f"{where} {NAMES[kind]}: nothing has failed"
        if self.rng.random() < 0.5:
            self.clients.rest()  # then nobody sends, and it has to go on all the same
        time.sleep(self.seconds)
        self.disk.mend()
        well = time.monotonic()
        self.waits["writing"].append(self._write() - well)
        self.waits["models"].append(self._project() - well)
        self.failures[f"{where} {NAMES[kind]}"] += 1

    def _write(self) -> float:
        """When a new aggregate takes a command, whose actor has to be loaded first."""
        self.probes += 1
        book = self.domain.aggregate(notebook, f"probe{self.probes}")
        end = time.monotonic() + LIMIT
        while True:
            try:
                book.send(Stamp(page="p", stamps=1)).result(LIMIT)
            except (StorageFailed, OutcomeUnknown):
                assert time.monotonic() < end, "writing went on"
                time.sleep(0.01)
            else:
                return time.monotonic()

    def _project(self) -> float:
        """When both models have what the journal has now."""
        end = self.domain.statistics().position
        for model in MODELS_HERE:
            self.domain.reached(model, end, timeout=LIMIT).result(2 * LIMIT)
        return time.monotonic()

    def end(self) -> None:
        """Finish, and say what there is to say."""
        self.clients.end()
        end = self.domain.statistics().position
        self._project()
        assert until(lambda: self.heard.positions[-1:] == [end]), "the listener went on"
        assert self.heard.positions == list(range(1, end + 1)), "and has heard everything once"
        states = {status.state for status in self.domain.models()}
        self.domain.close()
        told = {
            "receipts": self.clients.receipts, "refused": self.clients.refused,
            "errors": self.clients.errors, "failures": self.failures, "waits": self.waits,
            "states": sorted(states),
        }  # fmt: skip
        print(json.dumps(told))


def main() -> None:
    """Everything."""
    folder, seed, rounds, seconds = sys.argv[1:]
    logging.getLogger("comity").setLevel(logging.CRITICAL)
    trial = Trial(Path(folder), int(seed), float(seconds))
    for number in range(int(rounds)):
        trial.round(number)
    trial.end()


if __name__ == "__main__":
    main()
