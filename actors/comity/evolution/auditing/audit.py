"""What was found in a journal that was read with today's classes: the records of `check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Way: TypeAlias = Literal["upcast", "alias", "left out", "retired", "unreadable", "unknown type"]
"""How the events of a kind are read, beyond just reading them. `alias`: under another name than
today's. `left out`: a newer program wrote them, and fields that this one does not know are left
out. `retired`: they have no class any more, and change nothing."""

Role: TypeAlias = Literal["heard", "ordered"]
"""What a process has done with a message: it has heard an event, or ordered a command."""

Trouble: TypeAlias = Literal[
    "journal", "event", Role, "state", "command", "note", "snapshot", "type", "model"
]
"""Where a problem is: the journal cannot be read from some place on, an event or a command cannot
be read, also one that a process has heard or ordered, a state cannot be folded, a record's note
cannot be read, a snapshot differs from the events, no decider has an aggregate's type, or a model
cannot be built."""


@dataclass(frozen=True)
class ProblemPlace:
    """Where a problem was met."""

    aggregate: str
    version: int
    position: int
    """The event's; of a record without events, the position that the journal had reached."""
    error: str


@dataclass(frozen=True)
class Problem:
    """Something that today's program cannot do with the journal."""

    trouble: Trouble
    what: str
    """What has the problem, in words: `board CardMoved, schema version 2`."""
    count: int
    """How often it was met."""
    places: tuple[ProblemPlace, ...]
    """The first few of these, in the order of the journal."""
    advice: str
    """What to do about it."""


@dataclass(frozen=True)
class KindRead:
    """The events of one kind, and how today's classes read them."""

    type: str
    """The aggregate's type."""
    name: str
    """The stored name."""
    schema: int
    """The schema version of the class that wrote them."""
    events: int
    read_as: str | None
    """The name of the class that reads them; None if none does."""
    ways: tuple[Way, ...]
    """Empty if they are simply read."""
    unreadable: int
    """How many of them cannot be read."""


@dataclass(frozen=True)
class CommandsRead:
    """The commands of one kind that the journal has kept."""

    type: str
    """The aggregate's type."""
    name: str
    """The stored name."""
    schema: int | None
    """The schema version of the class that wrote them; None in older records."""
    commands: int
    read_as: str | None
    """The name of the class that reads them; None if it is gone, and they are not decided again."""
    unreadable: int
    """How many of them this class cannot read."""


@dataclass(frozen=True)
class CopyRead:
    """The events of one kind that a process has heard, or the commands that it has ordered."""

    process: str
    role: Role
    type: str
    """The type of the aggregate that the message comes from, or was for."""
    name: str
    """The stored name."""
    schema: int
    """The schema version of the class that wrote it."""
    messages: int
    """How many of them the steps of the process hold."""
    read_as: str | None
    """The name of the class that reads them; None if none does."""
    unreadable: int
    """How many of them cannot be read."""


Fate: TypeAlias = Literal["stays", "goes on", "is rebuilt", "is built"]
"""What happens to a model when the domain opens with today's class: `stays` as it is; `goes on`
with rows that gained fields; `is rebuilt` beside the tables that there are; `is built` for the
first time."""


@dataclass(frozen=True)
class ModelPlan:
    """What happens to a model when the domain opens with today's class."""

    model: str
    fate: Fate
    why: str
    """Why it is built, or where it has stopped; empty if it simply stays."""
    seconds: float | None
    """About how long building takes; None if it is not built, or if that could not be measured."""
    sample: int
    """From how many of the journal's first events that was measured; 0 if it was not."""

    @property
    def is_built(self) -> bool:
        """Whether it is built, for the first time or again."""
        return self.fate in ("is built", "is rebuilt")


@dataclass(frozen=True)
class Audit:
    """What was found in a journal."""

    position: int
    """The journal's position when it was read."""
    complete: bool
    """Whether the whole journal was read; False if it was stopped before, or cannot be read on."""
    seconds: float
    """How long it took."""
    records: int
    events: int
    aggregates: int
    """How many aggregates have events."""
    opens: bool
    """Whether `Domain.open` opens the journal: a class reads each name and schema version."""
    broken: int
    """How many of these have no state, because an event cannot be read or applied."""
    kinds: tuple[KindRead, ...]
    commands: tuple[CommandsRead, ...]
    """The commands that the journal has kept."""
    copies: tuple[CopyRead, ...]
    """What the processes have heard and ordered."""
    snapshots: int
    """How many aggregates have a snapshot."""
    unused: int
    """How many of these snapshots are not used, since the state or `evolve` has changed."""
    models: tuple[ModelPlan, ...]
    problems: tuple[Problem, ...]

    @property
    def is_fine(self) -> bool:
        """Whether today's program can do all that it must, as far as the journal was read."""
        return not self.problems
