"""How far a build is: its speed of the last seconds, the time left; in the log and for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, cast

import pytest
from tests.actors.notebook import Stall, notebook
from tests.actors.shelf import TROUBLE, Pages, misbehave, ready, stamp, until, write

from comity.actors import Domain, Progress
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.progress import Pace, Teller
from comity.actors.projecting.rebuild import Rebuild
from comity.engine.journal.journal import Journal
from comity.engine.text import duration
from comity.readmodels.generations.build_mark import (
    BuildMark,
    build_mark,
    mark_build,
    unmark_build,
)

SECOND = 1_000_000


class Hand:
    """A clock that a test sets, and a journal that ends somewhere."""

    def __init__(self, end: int = 1_000) -> None:
        self.time = 100.0
        self.end = end

    def monotonic(self) -> float:
        """The time."""
        return self.time

    def now(self) -> int:
        """The same."""
        return int(self.time * SECOND)

    def position(self) -> int:
        """Where the journal ends."""
        return self.end


# --- the speed and the time left ------------------------------------------------------------------


def test_a_speed_is_not_known_at_once() -> None:
    pace = Pace()
    pace.note(0.0, 0)
    pace.note(0.3, 300)
    assert pace.events_per_second is None
    pace.note(0.6, 300)
    assert pace.events_per_second == 500


def test_the_speed_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    for second in range(100):
        pace.note(second, second * 1_000)
    assert pace.events_per_second == 1_000
    for second in range(100, 111):
        pace.note(second, 99_000 + (second - 99) * 10)
    assert pace.events_per_second == 10


def test_slow_batches_have_a_speed_too() -> None:
    pace = Pace()
    for minute in range(3):
        pace.note(minute * 60.0, minute * 600)
    assert pace.events_per_second == 10


def test_a_pause_does_not_count() -> None:
    pace = Pace()
    pace.note(0.0, 0)
    pace.note(1.0, 100)
    pace.forget()
    assert pace.events_per_second is None
    pace.note(5_000.0, 100)
    pace.note(5_001.0, 300)
    assert pace.events_per_second == 200


def test_a_build_that_goes_back_has_no_speed_until_it_is_measured_anew() -> None:
    pace = Pace()
    pace.note(0.0, 0)
    pace.note(1.0, 10_000)
    pace.note(2.0, 5_000)
    assert pace.events_per_second is None
    pace.note(3.0, 5_100)
    assert pace.events_per_second == 100


def test_a_thousand_batches_a_second_take_no_memory() -> None:
    pace = Pace()
    for batch in range(100_000):
        pace.note(batch / 1_000, batch)
    assert len(pace._seen) < 50  # pyright: ignore[reportPrivateUsage] - its memory
    assert pace.events_per_second == pytest.approx(1_000)


def test_progress_says_how_far_and_how_long() -> None:
    unknown = Progress("Cards", 250, 1_000, None)
    assert (unknown.part, unknown.seconds_left) == (0.25, None)
    assert str(unknown) == "250 of 1,000 events (25%)"
    known = unknown._replace(events_per_second=3.0)
    assert known.seconds_left == 250
    assert str(known) == "250 of 1,000 events (25%), 3 a second, 4 min 10 s left"
    still = unknown._replace(events_per_second=0.0)
    assert str(still) == "250 of 1,000 events (25%), 0 a second"
    assert unknown._replace(position=999).percent == 99, "100 only at the end"
    assert unknown._replace(position=1_000).percent == 100
    done = Progress("Cards", 0, 0, 5.0)
    assert (done.part, done.seconds_left) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3_599, "59 min 59 s"),
     (3_600, "1 h 0 min"), (100_000, "27 h 46 min")],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# --- telling --------------------------------------------------------------------------------------


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level("INFO", logger="comity")
    return caplog


def test_the_log_has_a_line_every_few_seconds(log: pytest.LogCaptureFixture) -> None:
    hand = Hand()
    teller = Teller("Cards", cast("Journal", hand), hand)
    for tenth in range(121):
        hand.time = 100 + tenth / 10
        teller.tell(tenth * 5)
    assert log.messages == [
        "Cards is being built: 250 of 1,000 events (25%), 50 a second, 15 s left",
        "Cards is being built: 500 of 1,000 events (50%), 50 a second, 10 s left",
    ]


def test_another_process_reads_how_far_a_build_is(tmp_path: Path) -> None:
    hand = Hand()
    teller = Teller("Cards", cast("Journal", hand), hand, generation=tmp_path)
    teller.tell(0)
    hand.time += 2
    teller.tell(100)
    assert build_mark(tmp_path, hand.now()) == BuildMark(100, 1_000, 50.0, hand.now())
    teller.pause()
    assert build_mark(tmp_path, hand.now()) is None
    assert list(tmp_path.iterdir()) == []
    teller.tell(100)
    assert build_mark(tmp_path, hand.now()) == BuildMark(100, 1_000, None, hand.now())


def test_whoever_raises_is_not_told_again() -> None:
    told: list[Progress] = []

    def fail(progress: Progress) -> NoReturn:
        told.append(progress)
        raise ValueError("no")

    hand = Hand()
    teller = Teller("Cards", cast("Journal", hand), hand, fail)
    with pytest.raises(ValueError, match="no"):
        teller.tell(1)
    teller.tell(2)
    assert told == [Progress("Cards", 1, 1_000, None)]


@pytest.mark.parametrize("junk", [b"", b"\x94", b"\xc0", b"\x91\x01", b"\x94\x01\x02\x03\xa1x"])
def test_a_mark_that_says_nothing_is_no_mark(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "build").write_bytes(junk)
    assert build_mark(tmp_path, 0) is None


def test_a_mark_of_a_process_that_has_died_is_no_mark(tmp_path: Path) -> None:
    mark_build(tmp_path, mark := BuildMark(1, 2, None, 50 * SECOND))
    assert build_mark(tmp_path, 55 * SECOND) == mark
    assert build_mark(tmp_path, 60 * SECOND) is None
    assert build_mark(tmp_path, 49 * SECOND) is None, "the clock was set back"


def test_where_nothing_can_be_written_nothing_is(tmp_path: Path) -> None:
    mark_build(tmp_path / "gone", BuildMark(1, 2, None, 0))
    unmark_build(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


# --- in a domain ----------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Domain]:
    with Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages]) as domain:
        yield ready(domain, Pages)
    TROUBLE.clear()


def test_a_status_says_how_far_a_rebuild_is(
    shelf: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ModelFollower, "BATCH", 10)
    monkeypatch.setattr(Rebuild, "POLITE", 10)
    monkeypatch.setattr(Teller, "LOG", 0.0)
    stamp(shelf, "b0", "p0", 30)
    misbehave(shelf, "b0", "wait")
    end = write(shelf, "b0", "p1", "x")
    shelf.reached(Pages, end, timeout=60).result(60)
    model = shelf.model(Pages)
    assert model.status().progress is None
    stall = TROUBLE["wait"] = Stall()
    model.rebuild()
    assert stall.entered.wait(60)
    progress = model.status().progress
    assert progress is not None
    assert (progress.model, progress.end) == ("Pages", end)
    assert 0 < progress.position < end
    assert model.status().rebuilt == progress.part
    new = tmp_path / "d" / "models" / "Pages" / "g000002"
    assert (new / "build").exists()
    stall.released.set()
    assert until(lambda: model.status().progress is None)
    assert not (new / "build").exists(), "it is not being built any more"
    assert any(f"Pages is being built: {end} of {end} events (100%)" in at for at in log.messages)
