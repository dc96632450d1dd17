"""One seeded history of two to five people, what it must come to, and the ways to live it.

What it must come to is worked out from the history alone: stored bytes and what was said to be
seen, and nothing that a live engine keeps.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.property.desk import (
    Ask,
    Claim,
    Cut,
    Desk,
    DeskCommand,
    DeskEvent,
    Message,
    Name,
    Paint,
    Spend,
    Type,
    Vote,
    desk,
    move,
)
from tests.property.story import patiently
from tests.property.ways import Stage, Way

from comity.actors import Aggregate, Pending
from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import (
    AggregateId,
    Author,
    Authors,
    ComityError,
    Happened,
    MergeReport,
    Preview,
    Receipt,
    Refused,
    Rejected,
    Sent,
    merge,
)
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.engine.merging.decisive import decisive
from comity.engine.merging.happened import Dropped, Later
from comity.engine.merging.sent import Sender
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views
from comity.engine.messages import codec

Answer: TypeAlias = tuple[object, ...]
"""All that an answer says, as plain values."""

Unseen: TypeAlias = list[tuple[int, Author, Message]]
"""What others did: version, who did it, and how it reads."""

KEYS = ("x", "y")


@dataclass(frozen=True)
class Said:
    """A command that somebody sends, tries out, or sends again."""

    person: int
    key: str
    command: DeskCommand
    seen: int | None
    preview: bool = False
    again: int | None = None
    """Which one this is once more."""


class Told:
    """An aggregate as the journal alone knows it."""

    def __init__(self, key: str) -> None:
        self._id = AggregateId(desk.name, key)
        self._log: list[tuple[StoredEvent, Sender, bytes | None, type[DeskCommand], int]] = []
        self._dropped: list[tuple[int, Sender, bytes, type[DeskCommand]]] = []

    @property
    def version(self) -> int:
        return len(self._log)

    def state(self, version: int) -> Desk:
        state = Desk()
        for one in self.log(0)[:version]:
            state = desk.evolve(state, one.event, one.at(self._id))
        return state

    def log(self, after: int) -> list[Happened[DeskEvent]]:
        """The events after a version, read anew."""
        found = [self._event(number) for number in range(len(self._log))]
        for number in range(len(self._dropped)):
            self._drop(number, found)
        return found[after:]

    def _event(self, number: int) -> Happened[DeskEvent]:
        stored, (who, session, seen), sent, kind, part = self._log[number]
        command = None if sent is None else codec.build(kind, codec.unpack_fields(sent))
        return Happened(number + 1, Later(stored, desk), who, session, command, seen, part)

    def _drop(self, number: int, log: list[Happened[DeskEvent]]) -> None:
        version, (who, session, seen), sent, kind = self._dropped[number]
        command = codec.build(kind, codec.unpack_fields(sent))
        assert seen is not None
        log[version - 1].dropped += (Dropped(who, session, seen, command),)

    def comes_to(self, sender: Sender, command: DeskCommand, *, keep: bool) -> Answer:
        """What becomes of a command now."""
        state, version = self.state(self.version), self.version
        seen = version if sender.seen is None else sender.seen
        since = Since(self.log(seen), past=Past(Views(), self.log))
        try:
            outcome, events, became, report = merge(
                desk, state, version, command, Sent(*sender), since
            )
        except Refused as refusal:
            report = self._explained(sender, command, refusal.report)
            return _refusal(refusal, report, preview=not keep)
        if report is not None and isinstance(command, (Type, Cut)) and report.rule is not None:
            moved = self.moved(sender, command)
            assert moved in (became, None), "the engine and the textbook differ"
        if keep:
            dropped = not events and bool(sender.session and report and report.rule)
            data = codec.pack(command)
            if dropped:
                self._dropped.append((version, sender, data, type(command)))
            sent = None if became is command else data
            for part, event in enumerate(events):
                self._log.append((store(event), sender, sent, type(command), part))
        told = report or MergeReport(
            outcome=outcome, command=type(command).__name__, who=sender.who, seen=sender.seen,
            version=version,
        )  # fmt: skip
        stands = version + len(events) if keep else version
        return _done(outcome, stands, events, told)

    def _explained(self, sender: Sender, command: DeskCommand, report: MergeReport) -> MergeReport:
        if report.outcome != "rejected" or not report.unseen or sender.seen is None:
            return report
        state, since = self.state(sender.seen), self.log(sender.seen)
        culprit = decisive(desk, state, command, Sent(*sender), since, self._id)
        if culprit is None or (sender.session and culprit.session == sender.session):
            return report
        return report.model_copy(update={"decisive": culprit.change(None)})

    def moved(self, sender: Sender, command: DeskCommand) -> Message | None:
        """The command moved over what its sender has not seen, from the very beginning."""
        assert sender.seen is not None
        me = Author(sender.who, sender.session)
        unseen: Unseen = []
        for one in self.log(0):
            passing: list[tuple[Message, int]] = []
            if not sender.session or one.session != sender.session:
                unseen.append((one.version, Author(one.who, one.session), one.event))
            elif one.written is None:
                passing.append((one.event, one.written_on))
            elif one.part == 0:
                assert isinstance(one.written, Message)
                passing.append((one.written, one.written_on))
            for each in one.dropped:
                if each.session == sender.session:
                    assert isinstance(each.written, Message)
                    passing.append((each.written, each.seen))
            for own, seen in passing:
                unseen = after(own, me, seen, unseen)
        moved: Message | None = command
        for version, they, event in unseen:
            if version > sender.seen and moved is not None:
                moved = move(moved, event, Authors(me, they))
        return moved


def after(own: Message | None, me: Author, seen: int, unseen: Unseen) -> Unseen:
    """How these read after an own command, which had seen that much."""
    read: Unseen = []
    for version, they, event in unseen:
        then: Message | None = event if own is None else move(event, own, Authors(they, me))
        if own is not None and version > seen:
            own = move(own, event, Authors(me, they))
        if then is not None:
            read.append((version, they, then))
    return read


class History:
    """What is said, in order, and what it must come to."""

    def __init__(self, seed: int, steps: int = 24) -> None:
        self.dice = dice = random.Random(seed)
        self.people = dice.randrange(2, 6)
        self.told = {key: Told(key) for key in KEYS}
        self.said: list[Said] = []
        self.answers: list[Answer] = []
        self._views = {(person, key): 0 for person in range(self.people) for key in KEYS}
        for _ in range(steps):
            self._say(dice.randrange(self.people), dice.choice(KEYS[: dice.choice((1, 2))]))

    def sender(self, person: int, seen: int | None) -> Sender:
        """Who that is: now and then nobody in particular."""
        if person == 4:
            return Sender("", "", seen)
        return Sender(f"p{person % 3}", f"session {person}", seen)

    def _say(self, person: int, key: str) -> None:
        dice, told = self.dice, self.told[key]
        if self.said and dice.random() < 0.08:
            self._say_again(person)
            return
        view = self._views[person, key]
        if dice.random() < 0.4:
            view = self._views[person, key] = dice.randrange(view, told.version + 1)
        seen = dice.choice((view,) * 8 + (None, 0, told.version, max(0, told.version - 3)))
        text = told.state(view).text
        for _ in range(dice.choice((1, 1, 1, 2, 4))):
            command = some_command(dice, len(text))
            preview = dice.random() < 0.1
            self.said.append(Said(person, key, command, seen, preview))
            sender = self.sender(person, seen)
            self.answers.append(told.comes_to(sender, command, keep=not preview))

    def _say_again(self, person: int) -> None:
        first = self.dice.randrange(len(self.said))
        one = self.said[first]
        if one.preview or one.again is not None:
            return
        self.said.append(Said(person, one.key, one.command, 0, again=first))
        self.answers.append(self.answers[first])


def some_command(dice: random.Random, length: int) -> DeskCommand:
    """What somebody does who sees a text of this length."""
    at, name = dice.randrange(length + 1), dice.choice("ab")
    about = dice.choice(("text", "drawer", "name", "asked"))
    return dice.choice(
        (
            *(Type(at=at, text=dice.choice(("x", "yz"))),) * 4,
            *(Cut(at=max(0, at - 1)),) * 3,
            *(Ask(about=about),) * 2,
            Claim(drawer=name),
            Paint(colour=name),
            Name(name=name),
            Vote(votes=dice.randrange(3)),
            Spend(amount=dice.randrange(1, 5)),
        )
    )


class Life:
    """One history, lived in one way; `answers` is what came of it."""

    def __init__(
        self, history: History, way: Way, folder: Path, seed: int, runtime: Runtime = THREADS
    ) -> None:
        self.answers: list[Answer] = [()] * len(history.said)
        self._history = history
        self._stage = Stage(way, folder, random.Random(seed), runtime)
        self._pending: dict[int, Pending[Receipt[DeskEvent]] | Pending[Preview[DeskEvent]]] = {}
        self._ids: dict[int, str] = {}

    def live(self) -> Life:
        """All that is said; then all of it once more, after a restart, by somebody else."""
        dice, way = self._stage.dice, self._stage.way
        for number, one in enumerate(self._history.said):
            if dice.random() < way.restarts:
                self._restart()
            if (place := dice.randrange(way.domains)) != self._stage.place:
                self._settle()
                self._stage.place = place
            self._say(number, one)
        self._restart()
        for number, id_ in self._ids.items():
            self._ask_again(number, id_)
        self._stage.close()
        return self

    def _say(self, number: int, one: Said) -> None:
        handle = self._handle(one.person, one.key)
        if one.seen is not None and one.seen > handle.version:
            self._settle()  # nobody has seen what is not durable yet
        if one.preview:
            self._pending[number] = patiently(
                self._stage.runtime, lambda: handle.preview(one.command, one.seen)
            )
            return
        id_ = f"own {number}" if number % 2 else None
        if one.again is not None:
            id_ = self._ids[one.again]
            if not id_.startswith("own") or self._stage.dice.random() < 0.5:
                self._settle()  # while it is on its way, only its own domain knows such an id
        pending = patiently(self._stage.runtime, lambda: handle.send(one.command, one.seen, id=id_))
        self._pending[number] = pending
        if one.again is None:
            self._ids[number] = pending.id

    def _ask_again(self, number: int, id_: str) -> None:
        one = self._history.said[number]
        handle = self._handle((one.person + 1) % self._history.people, one.key)
        pending = patiently(self._stage.runtime, lambda: handle.send(one.command, 0, id=id_))
        with suppress(ComityError):
            pending.result(60)
        if (again := answered(pending)) != self.answers[number]:
            self.answers[number] = (self.answers[number], "and again", again)

    def _handle(self, person: int, key: str) -> Aggregate[Desk, DeskCommand, DeskEvent]:
        return self._stage.handle(self._history.sender(person, None), key)

    def _settle(self) -> None:
        """Wait for all that is on its way, and read it while its domain is open."""
        for number, pending in self._pending.items():
            with suppress(ComityError):
                pending.result(60)
            self.answers[number] = answered(pending)
        self._pending.clear()

    def _restart(self) -> None:
        self._settle()
        self._stage.close()
        self._stage.open()


def answered(pending: Pending[Receipt[DeskEvent]] | Pending[Preview[DeskEvent]]) -> Answer:
    """All that an answer says."""
    answer = pending.answer()
    if isinstance(answer, Preview):
        if answer.outcome.refused:
            return answer.outcome, answer.version, answer.report.model_dump_json()
        return _done(answer.outcome, answer.version, answer.events, answer.report)
    if isinstance(answer, Receipt):
        return _done(answer.outcome, answer.version, answer.events, answer.report)
    if isinstance(answer, Refused):
        return _refusal(answer, answer.report, preview=False)
    return (repr(answer),)


def _done(outcome: str, version: int, events: Sequence[DeskEvent], report: MergeReport) -> Answer:
    return outcome, version, tuple(events), report.model_dump_json()


def _refusal(refusal: Refused, report: MergeReport, *, preview: bool) -> Answer:
    if preview:
        return report.outcome, report.version, report.model_dump_json()
    said = refusal.said or report.model_copy(update={"decisive": None}).sentence()
    fields = dict(refusal.fields) if isinstance(refusal, Rejected) else {}
    code = refusal.code if isinstance(refusal, Rejected) else ""
    return type(refusal), said, fields, code, report.model_dump_json()
