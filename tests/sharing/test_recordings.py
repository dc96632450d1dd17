"""The recorded histories end as they did, with three processes to which people go by turns.

The first part of each in CI, all of them in `./scripts/soak`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from benchmarks.recorded import History
from examples.git_merges.__main__ import POLICY
from tests.sharing.crew import Crew
from tests.sharing.far import far
from tests.sharing.known import opening
from tests.support.left_out import NO_RECORDINGS

from benchmarks import recorded_incidents, recorded_merges, recorded_typing
from comity.actors import Policy


class Recording(NamedTuple):
    """One of them."""

    read: Callable[[int], History]
    decider: str
    part: int
    turn: int
    """How many commands of an aggregate go to one process before the next one has its turn."""
    policy: Policy | None = None


RECORDINGS = {
    "git merges": Recording(recorded_merges.read, "registry", 10, 100, POLICY),
    "shared typing": Recording(recorded_typing.read, "document", 400, 7),
    "incident desk": Recording(recorded_incidents.read, "incident", 40, 1),
}


@pytest.fixture
def crew() -> Iterator[Crew]:
    with Crew() as crew:
        yield crew


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_first_part_ends_as_recorded(crew: Crew, name: str, tmp_path: Path) -> None:
    play(crew, RECORDINGS[name], RECORDINGS[name].part, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_whole_recording_ends_as_recorded(crew: Crew, name: str, tmp_path: Path) -> None:
    play(crew, RECORDINGS[name], 0, tmp_path)


def play(crew: Crew, recording: Recording, part: int, folder: Path) -> None:
    """Play it; it says itself what is wrong."""
    try:
        history = recording.read(part)
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)
    open_it = opening(folder / "db", recording.decider, policy=recording.policy)
    domain = far(crew, [open_it] * 3, recording.turn)
    played = history.play(domain)
    print(f"\n{played.proof}: {played.commands / played.seconds:,.0f} commands/s")
    domain.close()
