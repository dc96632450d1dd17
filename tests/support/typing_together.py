"""A text that several people type into at once, one character at a time, and their editors.

The smallest domain for `transform`, and clients as an editor would be: each shows its own typing
at once and moves what arrives over what it has in flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from annotated_types import Ge, Le

from comity.engine import Command, Decider, Event, Happened, Sent, merge, transform
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views


def step(message: Edit | Edited, over: Edit | Edited) -> Edit | Edited:
    """The edit as it must read once `over` has happened before it."""
    at, deleted = message.at, message.deleted
    if over.typed:
        first = message.author < over.author and not deleted
        if over.at < at or (over.at == at and not first):
            at += len(over.typed)
    elif over.deleted:
        if over.at < at:
            at -= 1
        elif over.at == at and deleted:
            deleted = 0  # they deleted the same character; the edit stays, and does nothing
    return message.model_copy(update={"at": at, "deleted": deleted})


class Edit(Command):
    """Type something, or delete one character."""

    at: Annotated[int, Ge(0)]
    author: int
    typed: str = ""
    deleted: Annotated[int, Ge(0), Le(1)] = 0
    touches = "text"
    on_conflict = transform(step)


class Edited(Event):
    """It was done."""

    at: int
    author: int
    typed: str
    deleted: int
    touches = "text"


Message: TypeAlias = Edit | Edited


def decide(text: str, command: Edit) -> Iterator[Edited]:
    """Whatever is left of an edit happens, so that what its sender does next may rest on it."""
    yield Edited(at=command.at, author=command.author, typed=command.typed, deleted=command.deleted)


def evolve(text: str, event: Edited) -> str:
    """The text after an edit."""
    return apply(text, event)


def apply(text: str, edit: Message) -> str:
    """The text after an edit that fits it."""
    assert 0 <= edit.at <= len(text) - edit.deleted, (text, edit)
    return text[: edit.at] + edit.typed + text[edit.at + edit.deleted :]


document = Decider("document", str, decide, evolve)


@dataclass
class Server:
    """One document, as its actor would keep it."""

    text: str = ""
    log: list[Happened[Edited]] = field(default_factory=list[Happened[Edited]])
    views: Views = field(default_factory=Views)

    def receive(self, edit: Edit, sent: Sent) -> None:
        """Merge an edit and record what came of it."""
        who, session, seen, *_ = sent
        assert seen is not None
        since = Since(self.log[seen:], past=Past(self.views, lambda after: self.log[after:]))
        decision = merge(document, self.text, len(self.log), edit, sent, since)
        written = None if decision.command is edit else edit
        for event in decision.events:
            self.text = apply(self.text, event)
            self.log.append(Happened(len(self.log) + 1, event, who, session, written, seen))


@dataclass
class Editor:
    """One person's editor."""

    author: int
    text: str = ""
    seen: int = 0
    unsent: list[tuple[Edit, int]] = field(default_factory=list[tuple[Edit, int]])
    """Edits under way to the server, each with what had been seen when it was made."""
    in_flight: list[Message] = field(default_factory=list[Message])
    """Edits that have not come back yet, as they read now."""

    @property
    def session(self) -> str:
        """Whose edits are its own."""
        return f"session {self.author}"

    def edit(self, at: int, typed: str = "") -> None:
        """Type, or delete the character at this place; what is beyond the end is at the end."""
        at = min(at, len(self.text) if typed else max(0, len(self.text) - 1))
        deleted = int(not typed and bool(self.text))
        edit = Edit(at=at, author=self.author, typed=typed, deleted=deleted)
        self.text = apply(self.text, edit)
        self.unsent.append((edit, self.seen))
        self.in_flight.append(edit)

    def send(self, server: Server) -> None:
        """Have the oldest unsent edit reach the server."""
        if self.unsent:
            edit, seen = self.unsent.pop(0)
            server.receive(edit, Sent(f"author {self.author}", self.session, seen))

    def receive(self, server: Server) -> None:
        """Take the next event of the server's log."""
        if self.seen == len(server.log):
            return
        happened = server.log[self.seen]
        self.seen += 1
        if happened.session == self.session:
            self.in_flight.pop(0)
            return
        event: Message = happened.event
        for index, mine in enumerate(self.in_flight):
            self.in_flight[index] = step(mine, event)
            event = step(event, mine)
        self.text = apply(self.text, event)
