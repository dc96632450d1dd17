"""People who type into one text without waiting, each in an editor that shows it at once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.property.desk import Cut, Desk, DeskEvent, Message, Type, desk, move
from tests.property.story import patiently
from tests.property.ways import Stage, Way

from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import Author, Authors, Outcome, Receipt, Recorded
from comity.engine.merging.sent import Sender

KEY = "text"


@dataclass(eq=False)
class Edit:
    """One edit on its way, from the key to the event that comes back."""

    command: Type | Cut
    seen: int
    now: Message | None
    """How it reads after what has come in since."""
    receipt: Receipt[DeskEvent] | None = None


@dataclass(eq=False)
class Editor:
    """One person's editor."""

    person: int
    text: str = ""
    seen: int = 0
    in_flight: list[Edit] = field(default_factory=list[Edit])

    @property
    def sender(self) -> Sender:
        """Who that is: one and the same person may be at two editors."""
        return Sender(f"p{self.person % 3}", f"session {self.person}")

    def edit(self, dice: random.Random) -> None:
        """Press a key."""
        at = dice.randrange(len(self.text) + 1)
        if dice.random() < 0.5 and at < len(self.text):
            command: Type | Cut = Cut(at=at)
        else:
            command = Type(at=at, text=dice.choice(("a", "bc")))
        self.text = shown(self.text, command)
        self.in_flight.append(Edit(command, self.seen, command))

    def take(self, log: list[Recorded[DeskEvent]]) -> None:
        """Show the next event."""
        self._forget_what_came_to_nothing()
        if self.seen == len(log):
            return
        recorded = log[self.seen]
        self.seen += 1
        if recorded.session == self.sender.session:
            receipt = self.in_flight[0].receipt
            assert receipt is not None
            if receipt.version == self.seen:  # the last of its events
                del self.in_flight[0]
            return
        event: Message | None = recorded.event
        me = Author(self.sender.who, self.sender.session)
        they = Author(recorded.who, recorded.session)
        for mine in self.in_flight:
            theirs, own = event, mine.now
            event = theirs and (move(theirs, own, Authors(they, me)) if own else theirs)
            mine.now = own and (move(own, theirs, Authors(me, they)) if theirs else own)
        if event is not None:
            assert isinstance(event, DeskEvent)
            self.text = desk.evolve(Desk(text=self.text), event).text

    def _forget_what_came_to_nothing(self) -> None:
        """Once everything is here that happened before it."""
        while self.in_flight and (receipt := self.in_flight[0].receipt):
            if receipt.outcome is not Outcome.UNCHANGED or receipt.version > self.seen:
                return
            del self.in_flight[0]


def shown(text: str, command: Type | Cut) -> str:
    """The text once this is done to it."""
    state = Desk(text=text)
    return desk.fold(state, list(desk.decide(state, command))).text


class Together:
    """Some of them at one text, which is kept in one way."""

    def __init__(self, seed: int, way: Way, folder: Path, runtime: Runtime = THREADS) -> None:
        self.dice = dice = random.Random(seed)
        self.editors = [Editor(person) for person in range(dice.randrange(2, 6))]
        self.stage = Stage(way, folder, random.Random(seed + 1), runtime)
        self.dropped = 0
        self.text = ""

    def play(self, turns: int = 60) -> Together:
        """Let everybody type, send and look at any time; in the end everything arrives."""
        for _ in range(turns):
            self._perhaps_restart()
            editor = self.dice.choice(self.editors)
            match self.dice.randrange(4):
                case 0 | 1:
                    editor.edit(self.dice)
                case 2:
                    self._send(editor)
                case _:
                    editor.take(self._log())
        for editor in self.editors:
            while self._send(editor):
                self._perhaps_restart()
        log = self._log()
        for editor in self.editors:
            while editor.seen < len(log):
                editor.take(log)
        self.text = self.stage.domain.state(self.stage.handle(Sender(), KEY)).text
        self.stage.close()
        return self

    def _perhaps_restart(self) -> None:
        self.stage.place = self.stage.dice.randrange(self.stage.way.domains)
        if self.stage.dice.random() < self.stage.way.restarts / 4:
            self.stage.close()
            self.stage.open()

    def _send(self, editor: Editor) -> bool:
        edit = next((one for one in editor.in_flight if one.receipt is None), None)
        if edit is None:
            return False
        handle = self.stage.handle(editor.sender, KEY)
        edit.receipt = patiently(
            self.stage.runtime, lambda: handle.send(edit.command, edit.seen)
        ).result(60)
        self.dropped += not edit.receipt.events
        return True

    def _log(self) -> list[Recorded[DeskEvent]]:
        return list(self.stage.domain.history(self.stage.handle(Sender(), KEY)))
