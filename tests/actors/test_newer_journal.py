"""A journal with a commit that only a newer comity can read: told as that, to whom it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.shelf import until
from tests.golden.history import CHIP, COMMANDS, ONE, TWO
from tests.golden.rewriting import newer, with_commits
from tests.golden.test_golden import Guests
from tests.support.party import Invite, SetTheme, party

from comity.actors import Domain
from comity.engine import Outcome, TooNew


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    with_commits(tmp_path / "journal", newer(2))
    with Domain.open(tmp_path / "journal", deciders=[party], read_models=[Guests]) as domain:
        yield domain


def test_its_aggregate_cannot_be_loaded_and_others_can(domain: Domain) -> None:
    one = domain.aggregate(party, ONE.key)
    for _ in range(2):
        with pytest.raises(TooNew, match="commit 2 has format"):
            one.do(SetTheme(theme="disco"))
        with pytest.raises(TooNew):
            domain.state(one)
    assert domain.version(one) == 5
    two = domain.aggregate(party, TWO.key)
    assert two.do(CHIP).version == 2
    assert domain.state(two).kitty == 10
    new = domain.aggregate(party, "three")
    assert new.do(Invite(guest="g1", name="Grace")).outcome is Outcome.APPLIED


def test_what_became_of_its_commands_is_not_made_up(domain: Domain) -> None:
    aggregate = domain.aggregate(party, ONE.key)
    for command_id in ("applied", "merged", "rejected"):
        with pytest.raises(TooNew):
            aggregate.do(COMMANDS[command_id][1], id=command_id)


def test_a_model_stands_before_it_and_says_why(domain: Domain) -> None:
    def stands() -> bool:
        (status,) = domain.models()
        return status.state == "stopped"

    assert until(stands)
    (status,) = domain.models()
    assert "commit 2 has format" in status.error
