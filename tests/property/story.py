"""One seeded story: people with old views who retry, look, try out and are restarted in between.

What was sent and what was answered is kept, for `witness` to check against the journal.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.support.party import (
    Chip,
    Invite,
    Party,
    PartyCommand,
    PartyEvent,
    Rename,
    Seat,
    SetPlace,
    SetTheme,
    Spend,
    Toast,
    Uninvite,
    party,
)

from comity.actors import Aggregate, Domain, Pending, Policy, Session
from comity.actors.runtime.pending import settle
from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import Busy, ComityError, Preview, Receipt
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn

R = TypeVar("R")

STEPS = 60
KEYS = ("monday", "tuesday", "friday")
BEGINNING = (Invite(guest="a", name="x"), Invite(guest="b", name="y"), Chip(amount=5))
POLICY = Policy(tail=3, max_live=2, snapshot_every=4, inbox=64)
"""So small that aggregates leave memory, and that what was seen is often older than the tail."""


class SlowJournal(MemoryJournal):
    """A journal in memory that outlives the domains over it, and takes its time like a disk."""

    def __init__(self, seed: int, runtime: Runtime = THREADS) -> None:
        super().__init__()
        self._runtime = runtime
        self._dice = random.Random(seed)
        self.seen: Counter[str] = Counter()
        """What became of entries, by kind, and how many snapshots came along."""

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Append, after a moment."""
        self._runtime.sleeper().sleep(self._dice.choice((0, 0, 0.0002, 0.002)))
        results = super().append(turns, snapshots)
        self.seen.update(type(result).__name__ for result in results)
        self.seen["Snapshot"] += len(snapshots) + sum(1 for turn in turns if turn.snapshot)
        return results

    def close(self) -> None:
        """Stay open."""


@dataclass(eq=False)
class Sent:
    """One command that was sent, and its answer in the end."""

    session: str
    key: str
    command: PartyCommand
    pending: Pending[Receipt[PartyEvent]]
    step: int
    seen: int | None = None
    """What the sender said it had seen, where it said so."""
    first: Sent | None = None
    """The command of which this is a retry."""
    reused: bool = False
    """The id belongs to another command."""
    answered: int | None = None
    """The step by which its answer was known to be there."""
    lost: bool = False
    """Its process crashed before it answered."""

    @property
    def answer(self) -> Receipt[PartyEvent] | ComityError:
        """The answer; only of what is not lost."""
        return self.pending.answer()


@dataclass(eq=False)
class Tried:
    """A preview, and its answer in the end."""

    session: str
    key: str
    command: PartyCommand
    pending: Pending[Preview[PartyEvent]]


@dataclass
class Person:
    """Somebody in front of one of the domains."""

    place: int
    session: Session


class Story:
    """Plays a seed to the end; `sent`, `tried` and `journal` are then there to be checked.

    Where there are several `domains` over one journal, one comes upon what another did first.
    """

    def __init__(
        self, seed: int, folder: Path, domains: int | None = None, runtime: Runtime = THREADS
    ) -> None:
        self.runtime = runtime
        self.dice = random.Random(seed)
        self.sent: list[Sent] = []
        self.tried: list[Tried] = []
        self._path = folder / f"story{seed}"
        if domains is None:
            domains = self.dice.choice((1, 1, 2))
        self._on_disk = domains == 1 and self.dice.random() < 0.5
        self.journal = self._open_journal()
        self._domains = [self._open_domain() for _ in range(domains)]
        self._people: list[Person] = []
        for number in range(self.dice.randrange(2, 5)):
            place = number % len(self._domains)
            self._people.append(Person(place, self._domains[place].session(f"p{number}")))

    def play(self) -> Story:
        """Send everything, with restarts in between, and wait for all answers."""
        for key in KEYS:
            for command in BEGINNING:
                self._send_one(-1, self._people[0], key, command, 0)
        for step in range(STEPS):
            self._step(step)
        for pending in [one.pending for one in self.sent] + [one.pending for one in self.tried]:
            wait(pending)
        self._close()
        if self._on_disk:
            self.journal = self._open_journal()
        return self

    def may_end(self, answer: ComityError) -> bool:
        """Nothing fails here: everything is decided."""
        return False

    def _step(self, step: int) -> None:
        person, key = self.dice.choice(self._people), self.dice.choice(KEYS)
        match self.dice.choices(range(8), (45, 8, 14, 8, 4, 8, 8, 3))[0]:
            case 0:
                self._send(step, person, key)
            case 1:
                self._send_many(step, person, key)
            case 2 if self.sent:
                self._retry(step, self.dice.choice(self.sent[-self.dice.choice((2, 1000)) :]))
            case 3:
                self._try_out(person, key)
            case 4 if self.sent:
                self._reuse(step, self.dice.choice(self.sent))
            case 5:
                patiently(self.runtime, lambda: self._handle(person, key).look())
            case 6:
                self._wait_for_some(step)
            case 7:
                self._restart()
            case _:
                self._send(step, person, key)

    def _send(self, step: int, person: Person, key: str) -> None:
        self._send_one(step, person, key, self._command(), self._seen(person, key))

    def _send_one(
        self, step: int, person: Person, key: str, command: PartyCommand, seen: int | None
    ) -> None:
        handle = self._handle(person, key)
        own_id = f"own-{len(self.sent)}" if self.dice.random() < 0.5 else None
        if own_id and self.runtime is not THREADS and self.dice.random() < 0.2:
            pending = patiently(self.runtime, lambda: self._do(handle, command, seen, own_id))
        else:
            pending = patiently(self.runtime, lambda: handle.send(command, seen, id=own_id))
        self.sent.append(Sent(person.session.id, key, command, pending, step, seen))

    def _do(
        self,
        handle: Aggregate[Party, PartyCommand, PartyEvent],
        command: PartyCommand,
        seen: int | None,
        id: str,
    ) -> Pending[Receipt[PartyEvent]]:
        """Wait for it, and perhaps help: the main thread of a program does not."""
        pending: Pending[Receipt[PartyEvent]] = Pending(id, self.runtime)
        try:
            settle([(pending, handle.do(command, seen, id=id))])
        except Busy:
            raise
        except ComityError as error:
            settle([(pending, error)])
        return pending

    def _send_many(self, step: int, person: Person, key: str) -> None:
        handle, seen = self._handle(person, key), self._seen(person, key)
        commands = [self._command() for _ in range(self.dice.randrange(2, 5))]
        batch = patiently(self.runtime, lambda: handle.send_many(commands, seen))
        for command, pending in zip(commands, batch.pendings, strict=True):
            self.sent.append(Sent(person.session.id, key, command, pending, step, seen))

    def _retry(self, step: int, one: Sent) -> None:
        """The same command with the same id, perhaps by somebody else, and with another view."""
        if one.reused:
            return
        person = self.dice.choice(self._people)
        if not one.pending.id.startswith("own"):
            wait(one.pending)  # while it is on its way, only its own domain knows such an id
        handle, seen = self._handle(person, one.key), self._seen(person, one.key)
        pending = patiently(self.runtime, lambda: handle.send(one.command, seen, id=one.pending.id))
        again = Sent(person.session.id, one.key, one.command, pending, step, seen)
        again.first = one.first or one
        self.sent.append(again)

    def _reuse(self, step: int, one: Sent) -> None:
        """Another command, or another aggregate, with an id that is known to be taken."""
        wait(one.pending)
        person, key = self.dice.choice(self._people), self.dice.choice(KEYS)
        command = self._command()
        made = not one.pending.id.startswith("own")
        alike = type(command) is type(one.command) if made else command == one.command
        if one.reused or (alike and key == one.key):
            return  # with an id that the domain made, the class of the command alone tells
        handle, seen = self._handle(person, key), self._seen(person, key)
        pending = patiently(self.runtime, lambda: handle.send(command, seen, id=one.pending.id))
        self.sent.append(Sent(person.session.id, key, command, pending, step, reused=True))

    def _try_out(self, person: Person, key: str) -> None:
        handle, command, seen = self._handle(person, key), self._command(), self._seen(person, key)
        pending = patiently(self.runtime, lambda: handle.preview(command, seen))
        self.tried.append(Tried(person.session.id, key, command, pending))

    def _handle(self, person: Person, key: str) -> Aggregate[Party, PartyCommand, PartyEvent]:
        return person.session.aggregate(party, key)

    def _seen(self, person: Person, key: str) -> int | None:
        """A version of late; sometimes what the session remembers, or nothing."""
        if self.dice.random() < 0.2:
            return None
        newest = self._handle(person, key).version
        return self.dice.randrange(max(0, newest - 8), newest + 1)

    def _command(self) -> PartyCommand:
        guest, name = self.dice.choice("abc"), self.dice.choice(("x", "y"))
        return self.dice.choice(
            (
                Invite(guest=guest, name=name),
                Rename(guest=guest, name=name),
                Uninvite(guest=guest),
                Seat(guest=guest, seat=self.dice.randrange(1, 4)),
                Toast(guest=guest, words=name),
                SetTheme(theme=name),
                SetPlace(place=name),
                Chip(amount=self.dice.randrange(1, 4)),
                Spend(amount=self.dice.randrange(1, 4)),
            )
        )

    def _wait_for_some(self, step: int) -> None:
        for one in self.dice.sample(self.sent, min(3, len(self.sent))):
            wait(one.pending)
            one.answered = step if one.answered is None else one.answered

    def _restart(self) -> None:
        """Close everything and open it again: with LMDB from the disk."""
        self._close()
        if self._on_disk:
            self.journal = self._open_journal()
        self._domains = [self._open_domain() for _ in self._domains]
        for person in self._people:
            domain, old = self._domains[person.place], person.session
            person.session = domain.session(old.who, id=old.id)

    def _close(self) -> None:
        for domain in self._domains:
            domain.close(timeout=30)

    def _open_domain(self) -> Domain:
        return Domain(self.journal, deciders=[party], policy=POLICY, runtime=self.runtime)

    def _open_journal(self) -> Journal:
        if not self._on_disk:
            return SlowJournal(self.dice.randrange(1 << 32), self.runtime)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says loudly that this is for tests: it is one
            return LmdbJournal.open(self._path, unsafe_no_fsync=True)


def wait(pending: Pending[object]) -> None:
    """Wait for an answer, whatever it is."""
    try:
        pending.result(30)
    except ComityError:
        return


def patiently(runtime: Runtime, send: Callable[[], R]) -> R:
    """Send once there is room: of three aggregates only two may live at once."""
    for _ in range(3000):
        try:
            return send()
        except Busy:
            runtime.sleeper().sleep(0.001)
    raise TimeoutError
