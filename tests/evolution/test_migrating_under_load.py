"""The largest recorded history is migrated while its domain goes on, with and without kill -9.

`./scripts/soak -s tests/evolution/test_migrating_under_load.py` prints the figures. COMITY_KILLS
says how often the migration is killed (50).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from examples.git_merges.domain import Registry, decide, evolve
from examples.recordings import recording
from tests.evolution.migrations import records
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.engine import AggregateId, Decider, NotAJournal
from comity.evolution import JournalRecord

ROOT = Path(__file__).parents[2]
MERGES: Final = 539
KILLS: Final = int(os.environ.get("COMITY_KILLS", "50"))
ALIVE: Final = 8
"""Seconds for which a migration lives at most before it is killed."""

catalogue = Decider("catalogue", Registry, decide, evolve)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def to_catalogue(record: JournalRecord) -> Iterator[JournalRecord]:
    """Rename the decider, and give every aggregate another key."""
    yield record.to(AggregateId("catalogue", f"merge-{record.aggregate.key}"))


class Merging:
    """A domain in another process that goes on until `close`."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.evolution.merges_host", str(path), str(MERGES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "filled\n"

    def close(self) -> float:
        """Close it; return when it was closed, by the monotonic clock."""
        out, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0
        return float(out.split()[1])


def begin(old: Path, new: Path) -> subprocess.Popen[str]:
    """Begin the migration, or go on."""
    here = "tests.evolution.test_migrating_under_load"
    return subprocess.Popen(
        [
            sys.executable, "-m", "comity.cli", "migrate", str(old), str(new), "--follow", "--json",
            "--with", f"{here}:to_catalogue", "--decider", f"{here}:catalogue",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def end(merging: Merging, migration: subprocess.Popen[str]) -> dict[str, Any]:
    """Close the domain once the migration has caught up; return its result."""
    assert migration.stderr is not None
    for line in migration.stderr:
        if json.loads(line)["stage"] == "following":
            break
    closed = merging.close()
    out, err = migration.communicate(timeout=600)
    assert migration.returncode == 0, err
    return {**json.loads(out), "since_closed": time.monotonic() - closed}


def check(old: Path, new: Path, done: dict[str, Any]) -> None:
    """Account for every record and event, without the migration's own counts."""
    originals, copies = records(old), records(new)
    assert [one.command_id for one in copies] == [one.command_id for one in originals]
    versions = Counter[AggregateId]()
    for original, copy in zip(originals, copies, strict=True):
        assert copy.aggregate.key == f"merge-{original.aggregate.key}"
        assert copy._replace(aggregate=original.aggregate) == original
        assert copy.version == versions[copy.aggregate]
        versions[copy.aggregate] += len(copy.events)
    events = sum(len(one.events) for one in originals)
    assert events == sum(one["events_copied"] for one in done["events"])
    with Domain.open(new, deciders=[catalogue]) as domain:
        state = domain.aggregate(catalogue, copies[0].aggregate.key).look()
        assert state.version == versions[copies[0].aggregate]


def show(done: dict[str, Any]) -> None:
    """Print the figures."""
    print(
        f"\n{done['records']:,} records, all accounted for; {done['folded']:,} aggregates folded; "
        f"the last run took {done['seconds']:.1f} s and resumed from {done['resumed']:,}; nobody "
        f"could open the original for {done['break_seconds']:.2f} s; from the domain's end to that "
        f"of the command: {done['since_closed']:.2f} s"
    )


@pytest.fixture
def merging(tmp_path: Path) -> Merging:
    """The domain, with the recorded history, at work."""
    try:
        recording("git-merges/merges.jsonl.gz")
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)
    return Merging(tmp_path / "old.db")


def test_the_largest_history_is_migrated_under_load(tmp_path: Path, merging: Merging) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    done = end(merging, begin(old, new))
    check(old, new, done)
    show(done)


def test_it_is_killed_again_and_again(tmp_path: Path, merging: Merging) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    rng, kills = random.Random(5), 0
    while kills < KILLS:
        migration = begin(old, new)
        time.sleep(rng.uniform(0.3, ALIVE))
        migration.send_signal(signal.SIGKILL)
        migration.communicate()
        assert migration.returncode == -signal.SIGKILL
        kills += 1
        if new.exists():
            with pytest.raises(NotAJournal, match="unfinished copy"):
                Domain.open(new, deciders=[catalogue])
    done = end(merging, begin(old, new))
    assert done["resumed"] > 0
    check(old, new, done)
    print(f"\nkilled {kills} times", end="")
    show(done)
