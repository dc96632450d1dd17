"""kill -9 at random moments while models are projected, rebuilt, parked and replayed.

Each model is then the fold of the journal at its checkpoint: as it was left, when it has caught up,
and when the rebuild that was cut off is done. A few kills in CI, `COMITY_KILLS` (default 1000) in
`./scripts/soak`. Run as `python -m tests.crash.test_kill_projector FOLDER SEED RUNS`, it forks the
programs that are killed and those that check, since a fork starts at once.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, Write, Written, notebook
from tests.actors.shelf import MENDED, TORN, Counts, ParkedPages, events_of, fold, seen, until

from comity.actors import Domain, ReadModels
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine import ComityError, NotReady, Recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.readmodels.generations.model_folder import MODELS, ModelFolder
from comity.readmodels.projecting.parking import Parked, parked_events

ROOT = Path(__file__).parents[2]
MODELS_HERE = [ParkedPages, Counts]
BOOKS = 25
WORDS = ("a", "b c", "c d e", "", "f a")
IN_A_ROW = 25
"""Kills of one journal before a new one begins."""


# --- the program that is killed -------------------------------------------------------------------


def _open(path: Path) -> Domain:
    ModelFollower.REST = (0.001, 0.002)
    ModelFollower.BULK = 4  # so that rebuilds hold changes in memory
    return Domain.open(path, deciders=[notebook], read_models=MODELS_HERE)


def _forever(act: Callable[[random.Random, int], object], seed: int) -> None:
    rng = random.Random(seed)
    for number in count():
        with suppress(ComityError, TimeoutError):
            act(rng, number)


def _work(path: Path, seed: int, ready: int) -> None:
    domain = _open(path)
    os.write(ready, b"open")

    def send(rng: random.Random, number: int) -> None:
        book = domain.session(f"p{seed % 7}").aggregate(notebook, f"b{rng.randrange(BOOKS)}")
        page = f"p{rng.randrange(8)}"
        if rng.random() < 0.4:
            book.send_many([Stamp(page=page, stamps=rng.randrange(3))] * 5).result(60)
        else:
            text = TORN if rng.random() < 0.01 else rng.choice(WORDS)
            book.send(Write(page=page, text=text)).result(60)

    def rebuild(rng: random.Random, number: int) -> None:
        time.sleep(rng.uniform(0, 0.1))
        domain.model(rng.choice(MODELS_HERE)).rebuild()

    def replay(rng: random.Random, number: int) -> None:
        time.sleep(rng.uniform(0, 0.1))
        model = domain.model(ParkedPages)
        for parked in model.parked()[:1]:
            MENDED.add(parked.key)
            model.replay(parked.aggregate)
            MENDED.discard(parked.key)

    def look(rng: random.Random, number: int) -> None:
        time.sleep(rng.uniform(0, 0.02))
        model = domain.model(rng.choice(MODELS_HERE))
        model.pause()
        time.sleep(rng.uniform(0, 0.01))
        model.resume()
        with domain.read(ParkedPages, stale=True) as pages:
            assert pages.per_book.total() == pages.rows.count()

    for number, act in enumerate([send, send, send, rebuild, replay, look]):
        threading.Thread(target=_forever, args=(act, seed * 10 + number), daemon=True).start()
    time.sleep(60)


# --- the program that checks ----------------------------------------------------------------------


def check(pages: ParkedPages, events: list[Recorded[NotebookEvent]]) -> int:
    """The snapshot is the fold at its checkpoint, of all events but those that it has parked."""
    waiting = list(parked_events(pages.binding.reading))
    parked = {one.position for one in waiting}
    known = [at for at in events if at.position <= pages.position]
    assert seen(pages) == fold(at for at in known if at.position not in parked)
    first: dict[str, Parked] = {}
    for one in waiting:
        first.setdefault(one.key, one)
    at_position = {at.position: at for at in known}
    for key, one in first.items():
        event = at_position[one.position].event
        assert isinstance(event, Written), "the first that waits"
        assert event.text == TORN, "the first that waits is one that failed"
        later = {
            at.position for at in known if at.aggregate.key == key and at.position > one.position
        }
        assert later <= parked, "what comes after it waits, too"
    return len(parked)


def check_counts(counts: Counts, events: list[Recorded[NotebookEvent]]) -> None:
    """The same for the small model."""
    known = Counter(at.aggregate.key for at in events if at.position <= counts.position)
    assert {row.book: row.events for row in counts.rows.all()} == known


def _check(path: Path) -> Counter[str]:
    figures = Counter[str](kills=1)
    if not path.exists():
        return figures
    journal = LmdbJournal.open(path, read_only=True)
    events = events_of(journal)
    journal.close()
    with ReadModels.open(path, MODELS_HERE) as models:  # as it was left
        with suppress(NotReady), models.read(ParkedPages, stale=True) as pages:
            figures["parked"] += check(pages, events)
            figures["had more to take"] += pages.position < len(events)
        with suppress(NotReady), models.read(Counts, stale=True) as counts:
            check_counts(counts, events)
    generations = len(ModelFolder(path / MODELS / "ParkedPages").generations())
    figures["in the middle of a rebuild"] += generations > 1
    with _open(path) as domain:
        end = domain.statistics().position
        assert end == len(events), "opening adds nothing"
        for model in MODELS_HERE:
            domain.reached(model, end, timeout=30).result(30)
        with domain.read(ParkedPages) as pages, domain.read(Counts) as counts:
            check(pages, events)
            check_counts(counts, events)
        handles = [domain.model(model) for model in MODELS_HERE]
        assert until(lambda: all(one.status().rebuilt is None for one in handles), 30)
        assert [one.status().error for one in handles] == ["", ""]
        with domain.read(ParkedPages) as pages, domain.read(Counts) as counts:
            check(pages, events)
            check_counts(counts, events)
        assert len(ModelFolder(path / MODELS / "ParkedPages").generations()) == 1
    figures["events"] = len(events)
    return figures


# --- forking both ---------------------------------------------------------------------------------


def _kill(path: Path, seed: int) -> None:
    hear, ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _work(path, seed, ready)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(ready)
    rng = random.Random(seed)
    if seed % 5:  # every fifth is killed while it opens
        os.read(hear, 4)
    time.sleep(rng.uniform(0, 0.25))
    os.kill(child, signal.SIGKILL)
    os.close(hear)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, "it was at work"


def _check_aside(path: Path) -> Counter[str]:
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(say, json.dumps(_check(path)).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(say)
    with os.fdopen(hear) as file:
        said = file.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, f"{path} is not what it was"
    return Counter(json.loads(said))


def main() -> None:
    """Kill again and again, and print what there was."""
    logging.disable(logging.CRITICAL)
    folder, seed, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    total = Counter[str]()
    for run in range(runs):
        path = folder / f"library{run // IN_A_ROW}"
        number = seed * 100_000 + run
        try:
            _kill(path, number)
            figures = _check_aside(path)
        except AssertionError as failure:
            sys.exit(f"run {run} of seed {seed}: {failure}")
        total += figures - Counter(events=figures["events"])
        total["events"] = max(total["events"], figures["events"])
    print(json.dumps(total))


def _kill_again_and_again(folder: Path, seed: int, runs: int, seconds: int) -> None:
    program = [sys.executable, "-m", "tests.crash.test_kill_projector"]
    done = subprocess.run(
        [*program, str(folder), str(seed), str(runs)],
        cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5_000:]
    figures: Counter[str] = Counter(json.loads(done.stdout))
    assert figures["kills"] == runs
    assert figures["events"] > runs, "the killed program got to work"
    print(f"\n{dict(figures)}: every model was the fold of its journal")


def test_after_kill_9_every_model_is_the_fold_of_its_journal(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, seed=1, runs=10, seconds=600)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_1000_kills_every_model_is_the_fold_of_its_journal(tmp_path: Path) -> None:
    runs = int(os.environ.get("COMITY_KILLS", "1000"))
    _kill_again_and_again(tmp_path, seed=2, runs=runs, seconds=3500)


def test_a_model_that_missed_an_event_would_be_noticed(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=[notebook], read_models=[ParkedPages]) as domain:
        book = domain.aggregate(notebook, "b")
        book.send(Write(page="p", text="a")).result(60)
        last = book.send(Stamp(page="p", stamps=1)).result(60)
        events = list(domain.history(book))
        with domain.read(ParkedPages, after=last, timeout=60) as pages:
            assert check(pages, events) == 0
            for less in (events[1:], events[:1]):
                with pytest.raises(AssertionError):
                    check(pages, less)


if __name__ == "__main__":
    main()
