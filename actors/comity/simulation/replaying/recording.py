"""Reads what people did from a journal: each command with its sender, its time and its view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from comity.engine import AggregateId, Command, Invalid, Journal
from comity.engine.history import history
from comity.engine.history.note import Note
from comity.engine.journal.record import Record
from comity.engine.merging.decider import AnyDecider
from comity.simulation.replaying.act import Act
from comity.simulation.replaying.rebuilding import Commands, Unplayable, by_fields

LASTING_WITHOUT_COMMAND = "a conflict rule dropped it, and its class has changed since"
WITHOUT_EVENTS = "it gave no events: refused, or nothing was left to do"


@dataclass
class Recording:
    """The acts of a journal, and what could not be read from it."""

    acts: list[Act] = field(default_factory=list[Act])
    """In the order of the journal."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """How many recorded commands are not among the acts, by reason."""

    @classmethod
    def read(
        cls, journal: Journal, name: str, deciders: Mapping[str, AnyDecider], commands: Commands
    ) -> Recording:
        """Read the acts of all aggregates that have one of the deciders.

        Raises:
            Invalid: the journal has no events of these deciders, or `commands` has the name of a
                command that is not there.
            Unplayable: a command cannot be made again from its events.
            UnreadableEvent: an event fits no event class of its decider.
            JournalDamaged, TooNew: a record cannot be read.
        """
        found = list(journal.aggregates())
        mine = [one for one, _ in found if one.type in deciders]
        if not mine:
            raise Invalid(_nothing_to_play(name, found, deciders))
        reader = _Reader(journal, deciders, commands)
        placed = [pair for aggregate in mine for pair in reader.acts(aggregate)]
        reader.check_complete(name)
        placed.sort(key=itemgetter(0))
        left_out = reader.left_out
        if len(mine) == len(found):  # otherwise some may be those of other types
            left_out[WITHOUT_EVENTS] = journal.figures().records - reader.records
        return cls([act for _, act in placed], +left_out)


class _Reader:
    """Reads one aggregate after the other, and counts what it cannot make again."""

    def __init__(
        self, journal: Journal, deciders: Mapping[str, AnyDecider], commands: Commands
    ) -> None:
        self.records = 0
        self.left_out: Counter[str] = Counter()
        self._journal = journal
        self._deciders = deciders
        self._commands = commands
        self._found = {kind.__name__ for one in deciders.values() for kind in one.commands}
        """The names of all classes of commands, also of those that only the journal knows."""
        self._unknown: dict[str, list[str]] = {}
        """By the name of a command's class: what each command without a way to make it caused."""

    def acts(self, aggregate: AggregateId) -> Iterator[tuple[int, Act]]:
        """Yield the aggregate's acts, each with its position in the journal."""
        decider = self._deciders[aggregate.type]
        state = decider.initial()
        for record in self._journal.read(aggregate):
            self.records += 1
            note, written = history.noted(decider, record)
            self._found.add(note.command)
            command = written or self._made_again(decider, record, note, state)
            if command is not None:
                yield record.position, _act(record, note, command)
            for event, at in history.events_of(decider, record, record.version):
                state = decider.evolve(state, event, at)

    def _made_again(
        self, decider: AnyDecider, record: Record, note: Note, state: object
    ) -> Command | None:
        if not record.events:
            self.left_out[f"{note.command}: {LASTING_WITHOUT_COMMAND}"] += 1
            return None
        events = list(history.recorded(decider, record))
        if note.command in self._commands:
            make = self._commands[note.command]
            command = make(events) if make is not None else None
            if command is None:
                self.left_out[f"{note.command}: left out as `commands` says"] += 1
            return command
        command = by_fields(decider, note.command, state, history.sent(note, record), events)
        if command is None:
            caused = ", ".join(type(one.event).__name__ for one in events[:3])
            place = f"{record.aggregate} at version {record.last_version}"
            self._unknown.setdefault(note.command, []).append(f"{caused} in {place}")
        return command

    def check_complete(self, name: str) -> None:
        """Raise an error if there were commands that cannot be made again, or no such commands.

        Raises:
            Unplayable: a command cannot be made again.
            Invalid: `commands` has the name of a command that is not there.
        """
        missing = sorted(self._commands.keys() - self._found)
        if missing:
            msg = (
                f"{name}: commands has {', '.join(missing)}, but neither the deciders nor the "
                f"journal have commands of this name; they have {', '.join(sorted(self._found))}"
            )
            raise Invalid(msg)
        if not self._unknown:
            return
        some = "; ".join(
            f"{command} ({len(examples):,}, the first caused {examples[0]})"
            for command, examples in list(self._unknown.items())[:5]
        )
        first = next(iter(self._unknown))
        msg = (
            f"{name}: a journal keeps a command's events, and the fields of these events do not "
            f"give the command again: {some}. Pass commands={{{first!r}: function}} with a "
            "function that makes the command from its events, or None to leave it out"
        )
        raise Unplayable(msg)


def _act(record: Record, note: Note, command: Command) -> Act:
    return Act(
        aggregate=record.aggregate,
        command=command,
        microseconds=record.time,
        version=record.last_version,
        who=note.who,
        session=note.session,
        seen=note.seen,
        id=record.command_id,
        metadata=note.metadata,
    )


def _nothing_to_play(
    name: str, found: Sequence[tuple[AggregateId, int]], deciders: Mapping[str, AnyDecider]
) -> str:
    if not found:
        return f"{name}: the journal has no events, so there is nothing to play"
    types = sorted({one.type for one, _ in found})
    return (
        f"{name}: the journal has no events of {', '.join(deciders)}; it has aggregates of the "
        f"types {', '.join(types)}. Pass their deciders"
    )
