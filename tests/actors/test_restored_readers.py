"""Listeners, streams, sessions, retries and processes in a journal that was restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copytree

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until
from tests.support.restored import back_up, restore

from comity.actors import Domain
from comity.engine import Event, FromTheFuture, Recorded


class Noting:
    """A listener that notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Note the positions."""
        self.heard += [at.position for at in batch]


class Desk:
    """A domain whose journal is backed up at position 4, goes on to 9, is lost, and restored."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "db"
        self.stamp(4)
        backup = back_up(self.path, folder / "backup")
        with self.open() as domain:
            self.branch = domain.lineage().branch
        self.stamp(5, id="lost")
        self.lost = folder / "lost"
        self.path.rename(self.lost)
        restore(backup, self.path)

    def open(self) -> Domain:
        return Domain.open(self.path, deciders=[notebook])

    def stamp(self, times: int, id: str = "stamp") -> None:
        with self.open() as domain:
            for number in range(times):
                domain.aggregate(notebook, "a").send(
                    Stamp(page="p1", stamps=1), id=f"{id}-{number}"
                ).result(10)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_listener_beyond_the_end_is_told(desk: Desk) -> None:
    with desk.open() as domain, pytest.raises(FromTheFuture, match="ends at 4"):
        domain.listen(Noting(), after=9)


def test_a_listener_that_keeps_the_branch_is_told_also_when_the_journal_has_grown(
    desk: Desk,
) -> None:
    desk.stamp(7, id="new")
    with desk.open() as domain:
        with pytest.raises(FromTheFuture, match=r"lacks the 5 events .* start after 4"):
            domain.listen(Noting(), after=9, branch=desk.branch)
        assert domain.lineage().lost(desk.branch, 9) == 5
        listener = Noting()
        domain.listen(listener, after=4, branch=desk.branch)
        assert until(lambda: listener.heard == [5, 6, 7, 8, 9, 10, 11])


def test_a_listener_of_the_newest_branch_goes_on(desk: Desk) -> None:
    desk.stamp(7, id="new")
    with desk.open() as domain:
        listener = Noting()
        domain.listen(listener, after=9, branch=domain.lineage().branch)
        assert until(lambda: listener.heard == [10, 11])


def test_a_position_of_another_journal_is_told(desk: Desk) -> None:
    with desk.open() as domain, pytest.raises(FromTheFuture, match="of another journal"):
        domain.listen(Noting(), after=2, branch="elsewhere")


def to_subscribe(domain: Domain) -> object:
    return domain.subscribe(notebook, "a", from_version=9)


def to_read_on(domain: Domain) -> object:
    return domain.history(domain.aggregate(notebook, "a"), after=9)


def to_send(domain: Domain) -> object:
    return domain.aggregate(notebook, "a").do(Stamp(page="p1", stamps=1), seen=9)


@pytest.mark.parametrize("look", [to_subscribe, to_read_on, to_send])
def test_a_version_that_is_not_there_any_more_is_told(
    desk: Desk, look: Callable[[Domain], object]
) -> None:
    with desk.open() as domain, pytest.raises(FromTheFuture):
        look(domain)


def test_a_retry_of_a_command_that_was_lost_takes_effect_again(desk: Desk) -> None:
    """Its sender may simply send it again; one whose record is in the backup does nothing."""
    desk.stamp(5, id="lost")
    desk.stamp(4)
    with desk.open() as domain:
        assert domain.version(domain.aggregate(notebook, "a")) == 9


def test_a_copy_that_is_no_restore_has_no_new_branch(desk: Desk, tmp_path: Path) -> None:
    copytree(desk.lost, tmp_path / "copy")
    with Domain.open(tmp_path / "copy", deciders=[notebook]) as domain:
        assert domain.lineage().branch == desk.branch
        assert domain.lineage().lost(desk.branch, 9) == 0
