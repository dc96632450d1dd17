"""What is said when another program runs a process instead of this one."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from comity.actors.aggregates.services import Services
from comity.actors.processes.process_lease import ProcessLease
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.lease_watch import LeaseWatch


class Hand:
    """The part of the services that a lease needs, with a clock that is set by hand."""

    time = 0.0

    def monotonic(self) -> float:
        """See `Services`."""
        return self.time

    def call_later(self, seconds: float, callback: object) -> None:
        """See `Services`; nothing comes later."""


def nothing() -> None:
    """Do nothing."""


def made(path: Path, wanted: list[bool]) -> ProcessLease:
    return ProcessLease(cast("Services", Hand()), "trip", path, lambda: wanted[0], nothing)


def test_who_has_lost_a_process_says_why_and_who_runs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lease, clock = made(tmp_path / "trip.lock", [True]), Hand()
    assert lease.look()
    watch = LeaseWatch(tmp_path / "trip.lock", clock.monotonic)
    while not watch.hangs():
        watch.free()
        clock.time += 0.1
    assert Lease.take(tmp_path / "trip.lock", "process 12 ('other') on h", over=watch)
    assert not lease.look()
    assert (
        "process trip runs here no more: this program did not go on for a while, and it runs in "
        "process 12 ('other') on h now"
    ) in caplog.text


def test_who_gives_a_process_back_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lease = made(tmp_path / "trip.lock", wanted := [True])
    assert lease.look()
    wanted[0] = False
    assert not lease.look()
    assert "process trip runs here no more: another program may run it" in caplog.text
