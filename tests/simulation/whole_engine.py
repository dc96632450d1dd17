"""A seeded story of the whole engine, in a world of processes that crash and disks that fail.

People with old views send, retry, try out, look and listen; models follow; there may be a second
process over the same journal. `check` compares all that was told with what must become of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from tests.property.story import Sent, Tried
from tests.property.witness import check as witness
from tests.support.guests import Guests
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

from comity.actors import Aggregate, Pending, Policy, Session
from comity.actors.runtime.pending import settle
from comity.engine import (
    Busy,
    Closed,
    ComityError,
    Event,
    OutcomeUnknown,
    Recorded,
    StorageFailed,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.simulation.runtime.crashed import Crashed
from comity.simulation.runtime.order import Order
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.tape import Stream, Tape
from comity.simulation.runtime.timeline import Timeline
from comity.simulation.world.broken import hold
from comity.simulation.world.disk import DiskFaults
from comity.simulation.world.process import Process
from comity.simulation.world.world import World

VERSION: Final = 1
"""Another number, other runs: raise it whenever a seed no longer gives the run that it gave."""
STEPS = (8, 30)
KEYS = ("monday", "tuesday", "friday")
BEGINNING = (Invite(guest="a", name="x"), Invite(guest="b", name="y"), Chip(amount=5))
POLICY = Policy(tail=3, max_live=2, snapshot_every=4, inbox=64)
"""So small that aggregates leave memory, and that what was seen is often older than the tail."""
FAULTS = DiskFaults(
    slow=0.3, seconds=0.003, failing=0.03, unknown=0.03, recovers=0.7, power_cut=0.01
)  # fmt: skip


class Heard:
    """A listener that keeps what it received, also when its process crashes."""

    def __init__(self) -> None:
        self.events: list[tuple[int, str]] = []

    @property
    def position(self) -> int:
        """The position of the last event."""
        return self.events[-1][0] if self.events else 0

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Keep the events."""
        self.events += [(one.position, one.command_id) for one in batch]


class WholeEngine:
    """Plays a seed to the end, then checks it."""

    def __init__(
        self, tape: Tape, order: Order | None = None, timeline: Timeline | None = None
    ) -> None:
        self.dice = tape.stream("story")
        self.sent: list[Sent] = []
        self.tried: list[Tried] = []
        self.counted: Counter[str] = Counter()
        faults = FAULTS if self.dice.chance(0.6) else DiskFaults(slow=0.3, seconds=0.003)
        models = [Guests] if self.dice.chance(0.3) else []
        self.world = World(
            tape, deciders=[party], read_models=models, policy=POLICY, faults=faults, order=order,
            timeline=timeline,
        )  # fmt: skip
        self._steps = self.dice.randint(*STEPS)
        self._names = ["one", "two"] if self.dice.chance(0.4) else ["one"]
        self._people = [f"p{number}" for number in range(2 + self.dice.below(3))]
        self._heard: dict[str, Heard] = {name: Heard() for name in self._names}
        self._sessions: dict[tuple[Process, str], Session] = {}
        self._listens = self.dice.chance(0.5)

    @property
    def journal(self) -> MemoryJournal:
        """All that is durable."""
        return self.world.disk.data

    def may_end(self, answer: ComityError) -> bool:
        """Disks fail here, and processes end. Nothing may wait so long that it expires."""
        return isinstance(answer, (StorageFailed, OutcomeUnknown, Closed, Busy))

    # --- playing ----------------------------------------------------------------------------------

    def play(self) -> Counter[str]:
        """Play and check; how often what was checked occurred."""
        with self.world:
            for key in KEYS:
                for command in BEGINNING:
                    self._send_one(-1, "p0", key, command, 0)
            for step in range(self._steps):
                self._step(step)
                self._pass_time()
            self._find_out()
            self.counted["steps"] += self.world.runtime.steps
            return self.counted + self._checked()

    def _step(self, step: int) -> None:
        person, key = self.dice.choice(self._people), self.dice.choice(KEYS)
        match weighted(self.dice, (42, 8, 14, 8, 4, 8, 6, 6, 2, 3)):
            case 1:
                self._send_many(step, person, key)
            case 2 if self.sent:
                self._retry(step, self.dice.choice(self.sent[-(2, 1000)[self.dice.below(2)] :]))
            case 3:
                self._try_out(person, key)
            case 4 if self.sent:
                self._reuse(step, self.dice.choice(self.sent))
            case 5:
                self._look(person, key)
            case 6:
                self._wait_for_some(step)
            case 7:
                self._crash()
            case 8:
                self._restart()
            case 9:
                self._disturb()
            case _:
                self._send_one(step, person, key, self._command(), self._seen(person, key))

    def _send_one(
        self, step: int, person: str, key: str, command: PartyCommand, seen: int | None
    ) -> None:
        own = f"own-{len(self.sent)}" if self.dice.chance(0.7) else None
        process, handle = self._handle(person, key)
        if own and self.dice.chance(0.2):
            self._do(
                process,
                handle,
                Sent(person, key, command, Pending(own, process.runtime), step, seen),
            )
            return
        try:
            pending = handle.send(command, seen, id=own)
        except Busy:
            self.counted["busy"] += 1
        else:
            self._note(process, handle, Sent(person, key, command, pending, step, seen))

    def _do(
        self, process: Process, handle: Aggregate[Party, PartyCommand, PartyEvent], one: Sent
    ) -> None:
        """Wait for it, and perhaps help."""
        self._note(process, handle, one)
        try:
            settle([(one.pending, handle.do(one.command, one.seen, id=one.pending.id))])
        except Crashed:
            self.counted["crashed while somebody waited"] += 1
        except ComityError as error:
            settle([(one.pending, error)])

    def _note(
        self, process: Process, handle: Aggregate[Party, PartyCommand, PartyEvent], one: Sent
    ) -> None:
        self.sent.append(one)
        self.world.ledger.send(process, handle, one.session, one.command, one.pending)

    def _send_many(self, step: int, person: str, key: str) -> None:
        process, handle = self._handle(person, key)
        seen = self._seen(person, key)
        commands = [self._command() for _ in range(2 + self.dice.below(3))]
        try:
            batch = handle.send_many(commands, seen)
        except Busy:
            self.counted["busy"] += 1
            return
        for command, pending in zip(commands, batch.pendings, strict=True):
            self._note(process, handle, Sent(person, key, command, pending, step, seen))

    def _retry(self, step: int, one: Sent) -> None:
        """The same command with the same id, perhaps by somebody else, and with another view."""
        if one.reused:
            return
        if not one.pending.id.startswith("own"):
            self._wait(one)  # while it is on its way, only its own domain knows such an id
        person = self.dice.choice(self._people)
        process, handle = self._handle(person, one.key)
        seen = self._seen(person, one.key)
        try:
            pending = handle.send(one.command, seen, id=one.pending.id)
        except Busy:
            return
        again = Sent(person, one.key, one.command, pending, step, seen)
        again.first = one.first or one
        self._note(process, handle, again)

    def _reuse(self, step: int, one: Sent) -> None:
        """Another command, or another aggregate, with an id that is known to be taken."""
        self._wait(one)
        if one.reused or self.journal.find(one.pending.id) is None:
            return
        person, key = self.dice.choice(self._people), self.dice.choice(KEYS)
        command = self._command()
        made = not one.pending.id.startswith("own")
        alike = type(command) is type(one.command) if made else command == one.command
        if alike and key == one.key:
            return  # with an id that the domain made, the class of the command alone tells
        process, handle = self._handle(person, key)
        try:
            pending = handle.send(command, self._seen(person, key), id=one.pending.id)
        except Busy:
            return
        self._note(process, handle, Sent(person, key, command, pending, step, reused=True))

    def _try_out(self, person: str, key: str) -> None:
        _, handle = self._handle(person, key)
        command, seen = self._command(), self._seen(person, key)
        try:
            pending = handle.preview(command, seen)
        except Busy:
            return
        one = Tried(person, key, command, pending)
        pending.add_done_callback(lambda: self.tried.append(one))  # never, if the process crashes

    def _look(self, person: str, key: str) -> None:
        _, handle = self._handle(person, key)
        self.world.ledger.look(handle, handle.look())
        self.counted["looked"] += 1

    # --- disturbing -------------------------------------------------------------------------------

    def _crash(self) -> None:
        """Crash a process in the middle of what it does, in a moment."""
        name = self.dice.choice(self._names)
        self._process(name)
        what = self.world.cut_power if self.dice.chance(0.2) else partial(self.world.crash, name)
        moment = 0.004 * self.dice.below(100) / 100
        self.world.runtime.add_later(moment, Step("crash", what, engine=False))
        self.counted["crashed"] += 1

    def _restart(self) -> None:
        process = self._process(self.dice.choice(self._names))
        try:
            process.close()
        except Crashed:
            self.counted["crashed while it closed"] += 1

    def _disturb(self) -> None:
        process = self._process(self.dice.choice(self._names))
        if self.dice.chance(0.5):
            process.jump(self.dice.choice((-3600, -1, 1, 3600)))
        else:
            process.delay(Guests, self.dice.choice((0.0, 0.01)))

    def _pass_time(self) -> None:
        seconds = (0.0, 0.0002, 0.002, 0.3)[weighted(self.dice, (40, 30, 25, 5))]
        self.world.runtime.wait_until(lambda: False, seconds)

    # --- who and what -----------------------------------------------------------------------------

    def _handle(
        self, person: str, key: str
    ) -> tuple[Process, Aggregate[Party, PartyCommand, PartyEvent]]:
        process = self._process(self._names[self._people.index(person) % len(self._names)])
        session = self._sessions.get((process, person))
        if session is None:
            session = process.domain.session(person, id=person)
            self._sessions[process, person] = session
        return process, session.aggregate(party, key)

    def _process(self, name: str) -> Process:
        """The process of this name; it is started if it does not run."""
        process = self.world.processes.get(name)
        if process is None or not process.alive:
            process = self.world.start(name)
            if self._listens:
                heard = self._heard[name]
                process.domain.listen(heard, after=heard.position)
        return process

    def _seen(self, person: str, key: str) -> int | None:
        """A version of late; sometimes what the session remembers, or nothing."""
        if self.dice.chance(0.2):
            return None
        newest = self._handle(person, key)[1].version
        return max(0, newest - self.dice.below(9))

    def _command(self) -> PartyCommand:
        dice = self.dice
        guest, name = "abc"[dice.below(3)], "xy"[dice.below(2)]
        match dice.below(9):
            case 0:
                return Chip(amount=1 + dice.below(3))
            case 1:
                return Rename(guest=guest, name=name)
            case 2:
                return Uninvite(guest=guest)
            case 3:
                return Seat(guest=guest, seat=1 + dice.below(3))
            case 4:
                return Toast(guest=guest, words=name)
            case 5:
                return SetTheme(theme=name)
            case 6:
                return SetPlace(place=name)
            case 7:
                return Invite(guest=guest, name=name)
            case _:
                return Spend(amount=1 + dice.below(3))

    def _wait_for_some(self, step: int) -> None:
        for _ in range(min(3, len(self.sent))):
            one = self.dice.choice(self.sent)
            self._wait(one)
            if one.pending.done() and not one.lost and one.answered is None:
                one.answered = step

    def _wait(self, one: Sent) -> None:
        """Wait for an answer, unless its process has crashed."""
        noted = self.world.ledger.sent[self.sent.index(one)]
        came = self.world.runtime.wait_until(lambda: noted.lost or one.pending.done(), 60)
        one.lost = noted.lost
        hold(came, f"{one.command!r} ({one.pending.id}) gets no answer, and its process lives")

    # --- the end ----------------------------------------------------------------------------------

    def _find_out(self) -> None:
        """Mend the disk, and ask again what became of all that got no answer."""
        self.world.disk.faults = DiskFaults()
        for one in list(self.sent):
            self._wait(one)
        self.world.runtime.wait_until(lambda: False, 1)  # crashes that were still to come
        for one, noted in zip(list(self.sent), list(self.world.ledger.sent), strict=True):
            one.lost = noted.lost
            if one.reused or not (noted.lost or isinstance(noted.answer, OutcomeUnknown)):
                continue
            self.counted["found out"] += 1
            again = len(self.sent)
            self._retry(self._steps, one)
            for other in self.sent[again:]:
                self._wait(other)

    def _checked(self) -> Counter[str]:
        for name in self._names:
            self._process(name)
        world = self.world
        world.check()
        counted = witness(self)
        world.check_models()
        if self._listens:
            everything = [
                (record.position + number, record.command_id)
                for record in self.journal.read_all()
                for number in range(1, len(record.events) + 1)
            ]
            for name, heard in self._heard.items():
                world.runtime.wait_until(lambda: len(heard.events) >= len(everything), 60)  # noqa: B023
                hold(heard.events == everything, f"the listener in {name} heard something else")
        return counted


def weighted(dice: Stream, weights: Sequence[int]) -> int:
    """Draw an index with these weights: one small draw, which is easy to shrink."""
    drawn = dice.below(sum(weights))
    for index, weight in enumerate(weights):
        drawn -= weight
        if drawn < 0:
            return index
    raise AssertionError
