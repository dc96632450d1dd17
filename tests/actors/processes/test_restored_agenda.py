"""A process in a restored journal: it goes on from the journal, whatever its agenda has seen."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.actors.processes.travel import DECIDERS, trip, vessels, wish
from tests.actors.shelf import until
from tests.support.restored import back_up, restore

from comity.actors import Domain


class Agency:
    """A domain with a process, whose agenda is in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.path, self.folder = folder / "db", folder

    def open(self) -> Domain:
        return Domain.open(
            self.path, deciders=DECIDERS, processes=[trip], models=self.folder / "models"
        )

    def lose_and_restore(self, backup: Path) -> None:
        self.path.rename(self.folder / "lost")
        restore(backup, self.path)


def ended(domain: Domain) -> list[str]:
    return sorted(one.key for one in domain.process(trip).instances("ended").rows)


def trips(domain: Domain, vessel: str) -> list[str]:
    return domain.aggregate(vessels, vessel).look().state.trips


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    return Agency(tmp_path)


def test_an_agenda_that_is_ahead_is_made_again_and_orders_of_the_same_id_take_effect(
    agency: Agency, caplog: pytest.LogCaptureFixture
) -> None:
    """The orders of the lost trip to Oslo had the same ids; the journal lacks them, too."""
    with agency.open() as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])
    backup = back_up(agency.path, agency.folder / "backup")
    with agency.open() as domain:
        wish(domain, "oslo", "LH1")
        wish(domain, "bern", "LH2")
        assert until(lambda: ended(domain) == ["bern", "oslo", "rome"])
    agency.lose_and_restore(backup)
    caplog.set_level(logging.WARNING, "comity")
    with agency.open() as domain:
        assert until(lambda: ended(domain) == ["rome"])
        wish(domain, "oslo", "LH3")
        assert until(lambda: ended(domain) == ["oslo", "rome"])
        assert trips(domain, "LH3") == ["oslo"]
        assert trips(domain, "LH1") == ["rome"]
    assert [line for line in caplog.messages if "process-trip" in line and "is rebuilt" in line]


def test_what_was_not_yet_heard_at_the_backup_is_heard_again_once(agency: Agency) -> None:
    with agency.open() as domain:
        domain.process(trip).pause()
        wish(domain, "rome", "LH1", "Hilton")
    backup = back_up(agency.path, agency.folder / "backup")
    with agency.open() as domain:
        assert until(lambda: ended(domain) == ["rome"])
    agency.lose_and_restore(backup)
    for _ in range(2):
        with agency.open() as domain:
            assert until(lambda: ended(domain) == ["rome"])
            assert trips(domain, "LH1") == trips(domain, "Hilton") == ["rome"]
