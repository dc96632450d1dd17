"""Backups and restores by chance: what follows the journal is right after each of them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from shutil import copytree, rmtree
from typing import NamedTuple

import pytest
from tests.actors.delivering.posts import Posts
from tests.actors.notebook import NotebookEvent, Stamp, notebook
from tests.actors.shelf import Pages, until
from tests.support.restored import back_up, restore

from comity.actors import Delivery, Domain
from comity.engine import OutletError

STEPS = 12


class Backup(NamedTuple):
    """A backup: the journal, and perhaps the outlet's ledger."""

    journal: Path
    ledgers: Path | None


class Letters(Posts):
    """Notes which command each id stands for."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.wrong: list[str] = []

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Note whether an id stands for two commands, or a command has two ids."""
        if self.commands.setdefault(at.id, at.command_id) != at.command_id:
            self.wrong.append(f"{at.id} stands for {at.command_id}, too")
        if self.known.setdefault(at.command_id, at.id) != at.id:
            self.wrong.append(f"{at.command_id} is also {at.id}")


class Story:
    """A domain with a model and an outlet, and what happens to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = Random(seed)
        self.folder, self.path = folder, folder / "db"
        self.models, self.ledgers = folder / "models", folder / "ledgers"
        self.letters = Letters()
        self.backups: list[Backup] = []
        self.count = 0

    def write(self, *, delivering: bool) -> None:
        """Let something happen, with the outlet or without it."""
        with Domain.open(self.path, deciders=[notebook], ledgers=self.ledgers) as domain:
            self._stamp(domain)
        if delivering:
            self.check()

    def back_up(self) -> None:
        """Back the journal up, and perhaps the ledger a moment earlier."""
        kept = None
        if self.ledgers.exists() and self.dice.random() < 0.5:
            kept = self.folder / f"ledgers-{len(self.backups)}"
            copytree(self.ledgers, kept)
            if self.dice.random() < 0.5:
                self.write(delivering=True)
        place = self.folder / f"backup-{len(self.backups)}"
        self.backups.append(Backup(back_up(self.path, place), kept))

    def lose_and_restore(self) -> None:
        """Lose the journal, and perhaps also the ledger and the model."""
        if not self.backups:
            return
        backup = self.dice.choice(self.backups)
        rmtree(self.path)
        restore(backup.journal, self.path)
        if backup.ledgers is not None and self.dice.random() < 0.5:
            rmtree(self.ledgers)
            copytree(backup.ledgers, self.ledgers)
        for _ in range(self.dice.randrange(3)):
            self.write(delivering=False)

    def check(self) -> None:
        """Everything in the journal is in the model, and was delivered."""
        with self._opened() as domain:
            if domain.outlets()[0].state == "stopped" and not self._decided(domain):
                domain.close()
                rmtree(self.ledgers)
        with self._opened() as domain:
            self._stamp(domain)
            every = list(domain.history(domain.aggregate(notebook, "a")))
            with domain.read(Pages, after=len(every), timeout=10) as pages:
                assert pages.rows["a", "p1"].stamps == len(every)
            wanted = {at.command_id for at in every}
            assert until(lambda: wanted <= self.letters.known.keys(), seconds=10)
            assert until(lambda: domain.outlets()[0].position == len(every), seconds=10)
        assert not self.letters.wrong

    def _decided(self, domain: Domain) -> bool:
        """Rejoin; False if where the ledger parts from the journal is not known."""
        try:
            domain.outlet(self.letters).rejoin()
        except OutletError as error:
            if "another restored copy" in str(error):
                return False
            raise
        return True

    def _opened(self) -> Domain:
        return Domain.open(
            self.path, deciders=[notebook], read_models=[Pages], models=self.models,
            outlets=[self.letters], ledgers=self.ledgers,
        )  # fmt: skip

    def _stamp(self, domain: Domain) -> None:
        for _ in range(self.dice.randrange(1, 4)):
            self.count += 1
            stamp = Stamp(page="p1", stamps=1)
            domain.aggregate(notebook, "a").send(stamp, id=f"c{self.count}").result(10)


MANY = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(60) if seed != 2]


@pytest.mark.parametrize("seed", [2, *MANY])
def test_whatever_is_restored_nothing_is_missed_and_no_id_comes_twice(
    tmp_path: Path, seed: int
) -> None:
    story = Story(tmp_path, seed)
    story.write(delivering=True)
    for _ in range(STEPS):
        match story.dice.randrange(4):
            case 0:
                story.write(delivering=True)
            case 1:
                story.back_up()
            case 2:
                story.write(delivering=False)
            case _:
                story.lose_and_restore()
                story.check()
    story.check()
