"""Tables, indexes and figures are what the events come to, however they were cut into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.readmodels.bench import Bench
from tests.readmodels.cards import Cards
from tests.readmodels.streams import STREAM, Step, follow

QUICKLY = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path / "cards")
    yield bench
    bench.close()


@QUICKLY
@given(stream=STREAM)
def test_a_model_is_the_fold_of_its_events_after_each_batch(
    bench: Bench[Cards], stream: Sequence[Step]
) -> None:
    bench.wipe()
    follow(bench, stream)
