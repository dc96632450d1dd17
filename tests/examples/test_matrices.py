"""What merges in the examples stays: each domain has its matrix beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.board.domain import board
from examples.git_merges.domain import registry
from examples.incident_desk.domain import incident
from examples.shared_typing.domain import document
from examples.sprint.domain import sprint

from comity.engine import Command, Decider, Event
from comity.testing import assert_matrix

DECIDERS = {
    "board": board,
    "git_merges": registry,
    "incident_desk": incident,
    "shared_typing": document,
    "sprint": sprint,
}


@pytest.mark.parametrize(("name", "decider"), DECIDERS.items(), ids=DECIDERS)
def test_what_merges_in_an_example_stays(
    name: str, decider: Decider[object, Command, Event]
) -> None:
    assert_matrix(decider, Path(__file__).parents[2] / "examples" / name / "matrix.txt")
