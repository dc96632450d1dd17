"""One seeded story: sessions with old views, retries, restarts; what was sent, and what came."""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass
from pathlib import Path

from tests.property.office import (
    Discard,
    Label,
    Like,
    OfficeCommand,
    OfficeEvent,
    Place,
    Rise,
    Sit,
    TakeTicket,
    office,
)

from comity.actors import Domain, Pending, Policy, Session
from comity.engine import ComityError, FromTheFuture, IdReused, Receipt
from comity.engine.journal import Journal
from comity.engine.lmdb_journal import LmdbJournal
from comity.engine.memory_journal import MemoryJournal

COMMANDS = 60
KEYS = ("north", "south")
THINGS = ("lamp", "desk")
POLICY = Policy(tail=3, max_live=2, snapshot_every=4, inbox=64)
"""So small that aggregates leave memory, and that what was seen is older than the tail."""


class LastingJournal(MemoryJournal):
    """A journal in memory that outlives the domains over it."""

    def close(self) -> None:
        """Stay open."""


@dataclass
class Sent:
    """One command that was sent, and its answer in the end."""

    session: Session
    key: str
    command: OfficeCommand
    seen: int | None
    pending: Pending[Receipt[OfficeEvent]]
    step: int
    """When it was sent, counted in commands."""
    answered: int | None = None
    """The step by which its answer was known to be there."""
    first: Sent | None = None
    """The command of which this one is a retry."""

    @property
    def answer(self) -> Receipt[OfficeEvent] | ComityError:
        """The answer."""
        return self.pending.answer()


class Story:
    """Plays a seed to the end; `sent` and `journal` are then there to be checked."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.sent: list[Sent] = []
        self._path = folder / f"story{seed}"
        self._durable = self.rng.random() < 0.4
        self.journal = self._open_journal()
        two = not self._durable and self.rng.random() < 0.5  # two domains share one journal
        self.domains = [self._open_domain() for _ in range(2 if two else 1)]
        self._people: list[tuple[int, str, Session]] = []
        for number in range(self.rng.randrange(2, 5)):
            place = number % len(self.domains)
            session = self.domains[place].session(f"p{number}")
            self._people.append((place, f"p{number}", session))

    def play(self) -> Story:
        """Send everything, with restarts in between, and wait for all answers."""
        for step in range(COMMANDS):
            if self.rng.random() < 0.03:
                self._restart()
            self._send(step)
            if self.rng.random() < 0.2:
                self._wait_for_some(step)
        for one in self.sent:
            self._wait(one)
        self._close()
        if self._durable:
            self.journal = self._open_journal()
        return self

    def _send(self, step: int) -> None:
        place, who, session = self.rng.choice(self._people)
        retried = self.rng.choice(self.sent) if self.sent and self.rng.random() < 0.1 else None
        domain = self.domains[place]
        if retried is not None:
            handle = retried.session.aggregate(office, retried.key)
            pending = handle.send(retried.command, retried.seen, id=retried.pending.id)
            first = retried.first or retried
            self.sent.append(
                Sent(retried.session, retried.key, retried.command, retried.seen, pending, step,
                     first=first)
            )  # fmt: skip
            return
        key = self.rng.choice(KEYS)
        handle = session.aggregate(office, key)
        newest = domain.version(handle)
        old = self.rng.randrange(max(0, newest - 8), newest + 1)
        seen = None if self.rng.random() < 0.15 else old
        command = self._command(who)
        if self.rng.random() < 0.1:
            handle.preview(command, seen)
        pending = handle.send(command, seen)
        self.sent.append(Sent(session, key, command, seen, pending, step))

    def _command(self, who: str) -> OfficeCommand:
        thing = self.rng.choice(THINGS)
        match self.rng.randrange(8):
            case 0 | 1:
                return Label(thing=thing, label=self.rng.choice("ab"))
            case 2:
                return Place(thing=thing, place=self.rng.choice("xy"))
            case 3:
                return Discard(thing=thing)
            case 4:
                return Like(thing=thing, likes=1)
            case 5:
                return TakeTicket(ticket=self.rng.randrange(1, 6))
            case 6:
                return Sit(person=f"{who}{self.rng.randrange(3)}")
            case _:
                return Rise(person=f"{who}{self.rng.randrange(3)}")

    def _wait_for_some(self, step: int) -> None:
        for one in self.rng.sample(self.sent, min(3, len(self.sent))):
            self._wait(one)
            one.answered = step if one.answered is None else one.answered

    @staticmethod
    def _wait(one: Sent) -> None:
        try:
            one.pending.result(30)
        except ComityError as error:
            if isinstance(error, (IdReused, FromTheFuture)):
                raise

    def _restart(self) -> None:
        """Close everything and open it again: with LMDB from the disk."""
        self._close()
        if self._durable:
            self.journal = self._open_journal()
        self.domains = [self._open_domain() for _ in self.domains]
        again = [
            (place, who, self.domains[place].session(who, id=session.id))
            for place, who, session in self._people
        ]
        moved = {old.id: new for (_, _, old), (_, _, new) in zip(self._people, again, strict=True)}
        self._people = again
        for one in self.sent:
            one.session = moved[one.session.id]

    def _close(self) -> None:
        for domain in self.domains:
            domain.close(timeout=30)

    def _open_domain(self) -> Domain:
        return Domain(self.journal, deciders=[office], policy=POLICY)

    def _open_journal(self) -> Journal:
        if not self._durable:
            return LastingJournal()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says loudly that this is for tests: it is one
            return LmdbJournal.open(self._path, unsafe_no_fsync=True)
