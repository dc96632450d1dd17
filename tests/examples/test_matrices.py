"""What merges in the examples stays: each domain has its matrix beside it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import examples.board.domain
import examples.git_merges.domain
import examples.incident_desk.domain
import examples.shared_typing.domain
import pytest

from comity.engine import Decider
from comity.testing import assert_matrix

DOMAINS = [
    examples.board.domain,
    examples.git_merges.domain,
    examples.incident_desk.domain,
    examples.shared_typing.domain,
]


@pytest.mark.parametrize("module", DOMAINS, ids=lambda module: module.__name__.split(".")[1])
def test_what_merges_in_an_example_stays(module: ModuleType) -> None:
    assert module.__file__
    (decider,) = (one for one in vars(module).values() if isinstance(one, Decider))
    assert_matrix(decider, Path(module.__file__).with_name("matrix.txt"))
