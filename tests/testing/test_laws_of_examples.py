"""The domains of the examples keep the laws. `scripts/soak` draws many more examples."""

from __future__ import annotations

import pytest
from examples.board.domain import board
from examples.board.read_models import Activity, Cards, Workload
from examples.git_merges.domain import registry
from examples.incident_desk.domain import incident
from examples.shared_typing.domain import document
from examples.sprint.domain import Sprint, decide, evolve
from examples.sprint.read_models import Closings

from comity.engine import Decider
from comity.testing import laws

pytestmark = pytest.mark.hypothesis

test_board = laws(board, models=[Activity, Cards, Workload], effort=0.15)
test_incident = laws(incident, effort=0.15)
test_document = laws(document, effort=0.15)
test_sprint = laws(
    # Drawn people seldom begin to close a sprint, so theirs is one that is being closed.
    Decider("board", lambda: Sprint(into="next", reviewer="ann"), decide, evolve),
    models=[Closings],
    effort=0.15,
)
test_registry = laws(registry, effort=0.15)
