"""Stories that are written for one domain have the same end with three processes on one path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from tests.property.rule_story import History, Life
from tests.property.typing_story import Together
from tests.property.ways import SHORT, SMALL, Way
from tests.sharing.crew import Crew
from tests.sharing.far import as_domain
from tests.sharing.known import opening

from comity.actors import Domain, Policy

POLICIES = {"small": SMALL, "usual": None}
SEED = 0


def three(crew: Crew, policy: Policy | None, path: Path) -> Sequence[Domain]:
    """Three processes, and a domain of each."""
    workers = crew.several([opening(path, "desk", policy=policy)] * 3)
    return [as_domain([worker]) for worker in workers]


pytestmark = pytest.mark.slow  # 15 s of CPU; test_histories.py is the short one


@pytest.fixture
def crew() -> Iterator[Crew]:
    with Crew() as crew:
        yield crew


@pytest.mark.parametrize("policy", POLICIES)
def test_a_history_has_the_answers_that_follow_from_the_journal(
    crew: Crew, policy: str, tmp_path: Path
) -> None:
    way = Way(domains=3, restarts=0.02, elsewhere=partial(three, crew, POLICIES[policy]))
    history = History(SEED)
    assert Life(history, way, tmp_path, SEED).live().answers == history.answers


def test_people_who_type_over_each_other_end_with_one_text(crew: Crew, tmp_path: Path) -> None:
    way = Way(domains=3, elsewhere=partial(three, crew, SHORT))
    together = Together(3, way, tmp_path).play()
    assert {editor.text for editor in together.editors} == {together.text}
