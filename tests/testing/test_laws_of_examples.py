"""The domains of the examples keep the laws. `scripts/soak` draws many more examples."""

from __future__ import annotations

import pytest
from examples.board.domain import board
from examples.board.read_models import Activity, Cards, Workload
from examples.git_merges.domain import registry
from examples.incident_desk.domain import incident
from examples.shared_typing.domain import document

from comity.testing import laws

pytestmark = pytest.mark.hypothesis

test_board = laws(board, models=[Activity, Cards, Workload], effort=0.15)
test_incident = laws(incident, effort=0.15)
test_document = laws(document, effort=0.15)
test_registry = laws(registry, effort=0.15)
