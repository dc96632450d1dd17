"""A short history of two domains over one journal in memory, for the tests of the judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from tests.property.desk import Claim, DeskCommand, Paint, Spend, Type, desk
from tests.property.ways import Kept
from tests.sharing.calls import Call, Decided, Heard, History, Look, Shown, Trouble, Watched
from tests.sharing.replay import Replay
from tests.sharing.ways import look, send
from tests.sharing.worker import Post

from comity.actors import Domain
from comity.engine.journal.record import Record
from comity.engine.merging.sent import Sender

KEY = "x"


@dataclass
class Facts:
    """What was reported, and what is in the journal."""

    history: History = field(default_factory=History)
    records: list[Record] = field(default_factory=list[Record])

    # --- finding --------------------------------------------------------------------------------

    def call(self, id_: str) -> Call:
        """The first call with an id."""
        return next(call for call in self.history.calls if call.id == id_)

    def place(self, id_: str) -> int:
        """Where its record is."""
        return next(n for n, record in enumerate(self.records) if record.command_id == id_)

    # --- planting faults ------------------------------------------------------------------------

    def change(self, id_: str, **changes: object) -> None:
        """Change what was reported of a call."""
        call = self.call(id_)
        place = self.history.calls.index(call)
        self.history.calls[place] = call._replace(**cast("Any", changes))

    def tell_otherwise(
        self, id_: str, says: Callable[[tuple[object, ...]], tuple[object, ...]]
    ) -> None:
        """Change what the answer to a call says."""
        answer = self.call(id_).answer
        assert isinstance(answer, Decided)
        self.change(id_, answer=answer._replace(says=says(answer.says)))

    def store(self, id_: str, **changes: object) -> None:
        """Change a record."""
        place = self.place(id_)
        self.records[place] = self.records[place]._replace(**cast("Any", changes))

    def change_look(self, number: int, **changes: object) -> None:
        """Change what was reported of a look."""
        seen = self.history.looks[number]
        self.history.looks[number] = seen._replace(**cast("Any", changes))

    def show(self, after: int, position: int, count: int) -> None:
        """Change what a model showed."""
        self.history.shown[:] = [Shown("p0", after, position, {KEY: count})]

    def watch(self, *counts: int) -> None:
        """Change what a watch gave."""
        self.history.watched[:] = [Watched("p0", KEY, counts)]

    def hear(self, *positions: int) -> None:
        """Change what a listener was given."""
        self.history.heard[:] = [Heard("p0", positions)]

    def decide_otherwise(self, id_: str, *, session: str) -> None:
        """Answer a call as if its sender had been in another session."""
        replay = Replay(KEY)
        for record in self.records[: self.place(id_)]:
            before = self.call(record.command_id)
            sender = Sender(before.who, before.session, before.seen)
            replay.comes_to(sender, before.command, keep=True)
        call = self.call(id_)
        says = replay.comes_to(Sender(call.who, session, call.seen), call.command, keep=True)
        self.tell_otherwise(id_, lambda _: says)


def story() -> Facts:
    """Ann and Bob at two processes; Ann goes to the other one in between."""
    facts, journal = Facts(), Kept()
    here, there = (
        Post(name, Domain(journal, deciders=[desk]), cast("Any", None)) for name in ("p0", "p1")
    )
    calls, looks = facts.history.calls, facts.history.looks

    def sent(post: Post, who: str, id_: str, seen: int | None, command: DeskCommand) -> None:
        calls.append(send(post, KEY, command, id=id_, who=who, seen=seen))

    sent(here, "ann", "types", 0, Type(at=0, text="hey"))
    sent(there, "bob", "paints", 0, Paint(colour="red"))
    looks.append(look(here, KEY))
    sent(there, "ann", "types on", 3, Type(at=3, text="!"))
    sent(here, "ann", "types more", 3, Type(at=4, text="?"))
    sent(there, "bob", "types too", 3, Type(at=3, text="s"))
    looks.append(look(there, KEY))
    sent(here, "ann", "claims", 7, Claim(drawer="a"))
    sent(there, "bob", "claims too", 7, Claim(drawer="a"))
    sent(there, "bob", "paints again", None, Paint(colour="red"))
    sent(here, "ann", "spends", None, Spend(amount=9))
    sent(there, "ann", "types", 0, Type(at=0, text="hey"))  # once more
    looks.append(look(here, KEY))
    calls.append(calls[0]._replace(id="busy", answer=Trouble("Busy", "later")))
    calls.append(calls[0]._replace(id="unknown", answer=Trouble("OutcomeUnknown", "perhaps")))
    for post in (here, there):
        post.domain.close()
    facts.change("types too", end=None, answer=None)  # killed before it could say so
    facts.records = [numbered.record for numbered in journal.read_every()]
    facts.hear(*range(1, journal.position() + 1))
    facts.history.shown.append(Shown("p0", 5, 7, {KEY: 7}))
    facts.history.watched.append(Watched("p0", KEY, (4, 7, 8)))
    return facts


def two_on_their_way(facts: Facts) -> None:
    """Ann sent `types on` and `types more` without waiting, at one process."""
    start = facts.call("types on").start
    end = facts.call("types more").end
    facts.change("types on", process="p0", sent=start + 1, end=end)
    facts.change("types more", process="p0", start=start + 2, sent=start + 3)


__all__ = ["KEY", "Facts", "Look", "story", "two_on_their_way"]
