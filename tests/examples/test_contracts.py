"""The gate of the examples: their classes keep the contracts beside them, and those are complete.

When it fails, read what it says. If the change is wanted, write the contract anew, with the words
of `WRITE`, and commit it with the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from examples.board.domain import board
from examples.board.read_models import Activity, Cards, Workload
from examples.closed_room.domain import bookings, rooms
from examples.closed_room.process import closing
from examples.git_merges.domain import registry
from examples.incident_desk.domain import incident
from examples.reminder.domain import tasks
from examples.reminder.process import reminder
from examples.shared_typing.domain import document
from examples.sprint.domain import sprint
from examples.sprint.process import closing as closing_of_sprints
from examples.sprint.read_models import Closings
from examples.trip.domain import cars, flights, hotels, journeys
from examples.trip.process import trip

from comity.engine.merging.decider import AggregateType
from comity.engine.processes.process import ProcessType
from comity.evolution import check_contract
from comity.readmodels.tables.read_model import AnyReadModel

EXAMPLES = Path(__file__).parents[2] / "examples"
WRITE = "comity contract write examples/{0}/contract.json examples.{0}.domain:NAME --models ..."


class Promised(NamedTuple):
    """What an example's contract covers."""

    deciders: Sequence[AggregateType]
    models: Sequence[type[AnyReadModel]] = ()
    processes: Sequence[ProcessType] = ()


PROMISED = {
    "board": Promised([board], [Activity, Cards, Workload]),
    "closed_room": Promised([bookings, rooms], processes=[closing]),
    "git_merges": Promised([registry]),
    "incident_desk": Promised([incident]),
    "reminder": Promised([tasks], processes=[reminder]),
    "shared_typing": Promised([document]),
    "sprint": Promised([sprint], [Closings], [closing_of_sprints]),
    "trip": Promised([cars, flights, hotels, journeys], processes=[trip]),
}


@pytest.mark.parametrize("name", PROMISED)
def test_an_example_keeps_its_contract(name: str) -> None:
    deciders, models, processes = PROMISED[name]
    contract = EXAMPLES / name / "contract.json"
    found = check_contract(contract, deciders, models, processes=processes)
    assert [str(one) for one in found.differences] == [], WRITE.format(name)
