"""What decide and evolve are told is the same when it happens and whenever it is read again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.property.story import patiently

from comity.actors import Domain, Policy
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import At, Clash, Command, Decider, Event, Recorded, Refused, Rejected, Sent
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal

SMALL = Policy(tail=2, max_live=1, snapshot_every=3, inbox=64)
KEYS = ("x", "y")
STEPS = 60


class Note(Command):
    """Wanted by somebody; what becomes of it says all that decide was told."""

    words: str
    touches = "words"

    def on_conflict(self, clash: Clash[Diary], /) -> Note | None:
        by = clash.clashing[0]
        told = f"{tuple(clash.sent)[:5]} over {by.who} at {by.time.isoformat()}"
        return self.model_copy(update={"words": told})


class Noted(Event):
    words: str
    sent: str
    """All that decide was told."""
    seen: str
    """The state that it was told on."""
    touches = "words"


@dataclass
class Diary:
    told: list[str] = field(default_factory=list[str])
    """All that evolve was told."""


def decide(diary: Diary, command: Note, sent: Sent) -> Iterator[Noted]:
    if sent.microseconds % 7 == 0:
        raise Rejected(f"not at {sent.time.isoformat()}")
    for part in range(1 + sent.microseconds % 3):
        yield Noted(words=f"{part}", sent=described(sent), seen=fingerprint(diary))


def evolve(diary: Diary, event: Noted, at: At) -> Diary:
    told = f"{at.version} {at.time.isoformat()} {at.who} {at.session} {at.aggregate}: {event.sent}"
    diary.told.append(told)
    return diary


def described(sent: Sent) -> str:
    return f"{sent[:5]} {sorted(sent.metadata.items())}"


def fingerprint(diary: Diary) -> str:
    return f"{len(diary.told)} {'|'.join(diary.told[-3:])}"


diary = Decider("diary", Diary, decide, evolve)


class Kept(MemoryJournal):
    """Outlives the domains over it."""

    def close(self) -> None:
        """Stay open."""


class Life:
    """Two domains over one journal in memory, or one on a disk; both are restarted now and then."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.dice = random.Random(seed)
        self._folder, self._memory = folder / "db", Kept() if seed % 2 else None
        self.domains: list[Domain] = []
        self.refused = 0

    def play(self) -> Life:
        self.open()
        for step in range(STEPS):
            self._send(step)
            if self.dice.random() < 0.1:
                self.close()
                self.open()
        return self

    def open(self) -> None:
        journal, many = self._journal(), 2 if self._memory else 1
        self.domains = [Domain(journal, deciders=[diary], policy=SMALL) for _ in range(many)]

    def close(self) -> None:
        for domain in self.domains:
            domain.close(timeout=60)

    def _send(self, step: int) -> None:
        dice, person = self.dice, self.dice.randrange(3)
        domain = dice.choice(self.domains)
        session = domain.session(f"p{person}", id=f"session {person}")
        handle = session.aggregate(diary, dice.choice(KEYS))
        seen = dice.choice((None, max(0, handle.version - dice.randrange(6))))
        metadata = {"step": str(step)} if dice.random() < 0.5 else {}
        pending = patiently(THREADS, lambda: handle.send(Note(words="w"), seen, metadata=metadata))
        if metadata:
            metadata["step"] = "changed since"
        try:
            pending.result(60)
        except Refused:
            self.refused += 1

    def _journal(self) -> Journal:
        if self._memory:
            return self._memory
        return LmdbJournal.open(self._folder, unsafe_no_fsync=True)


@pytest.mark.filterwarnings("ignore:.*unsafe_no_fsync")
@pytest.mark.parametrize("seed", range(6))
def test_a_state_is_the_same_live_read_again_and_at_every_version(
    seed: int, tmp_path: Path
) -> None:
    life = Life(seed, tmp_path).play()
    domain, merged = life.domains[0], 0
    for key in KEYS:
        handle, state = domain.aggregate(diary, key), Diary()
        for one in domain.history(handle):
            first = one.event.words == "0"
            if first:  # decided on the live state: the events before it, as they are read now
                assert one.event.seen == fingerprint(state)
            assert one.event.sent == described(sent_of(one))
            state = diary.evolve(state, one.event, one.at)
            assert domain.state(handle, at=one.version) == state
            merged += first and one.report is not None
        assert domain.state(handle) == state
        assert len(state.told) > 10
    assert merged > 3, "the history is poorer than it was"
    life.close()


def sent_of(one: Recorded[Noted]) -> Sent:
    """What decide must have been told of the command that caused it."""
    seen = one.report.seen if one.report else literal_seen(one)
    return Sent(one.who, one.session, seen, one.microseconds, one.command_id, one.metadata)


def literal_seen(one: Recorded[Noted]) -> int | None:
    """What a command that had nothing to merge had seen: only it says so."""
    said = one.event.sent.split(", ")[2]
    return None if said == "None" else int(said)
