"""Reads what people did from a journal: each command with its sender, its time and its view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from comity.engine import AggregateId, Command, Invalid, Journal
from comity.engine.history import history
from comity.engine.history.note import Note
from comity.engine.journal.record import Record
from comity.engine.merging.decider import AnyDecider
from comity.simulation.replaying.act import Act
from comity.simulation.replaying.rebuilding import Commands, Unplayable, by_fields

CHANGED_CLASS = "its class has changed since, and it gave no events"
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
        if not any(one.type in deciders for one, _ in found):
            raise Invalid(_nothing_to_play(name, found, deciders))
        reader = _Reader(deciders, commands)
        mine = (record for _, record in journal.read_every() if record.aggregate.type in deciders)
        acts = [act for record in mine if (act := reader.act(record)) is not None]
        reader.check_complete(name)
        return cls(acts, reader.left_out)


class _Reader:
    """Reads one record after the other, and counts the commands that are not played."""

    def __init__(self, deciders: Mapping[str, AnyDecider], commands: Commands) -> None:
        self.left_out: Counter[str] = Counter()
        self._deciders = deciders
        self._commands = commands
        self._states: dict[AggregateId, object] = {}
        self._found = {kind.stored_as for one in deciders.values() for kind in one.commands}
        """The names of all kinds of commands, also of those that only the journal knows."""
        self._unknown: dict[str, list[str]] = {}
        """By the name of a command's class: what each command without a way to make it caused."""

    def act(self, record: Record) -> Act | None:
        """Return the record's act; None if it is not played."""
        decider, aggregate = self._deciders[record.aggregate.type], record.aggregate
        note = Note.unpack(record.note)
        self._found.add(note.command)
        state = self._states[aggregate] if aggregate in self._states else decider.initial()
        command = self._command(decider, record, note, state)
        for event, at in history.events_of(decider, record, record.version):
            state = decider.evolve(state, event, at)
        self._states[aggregate] = state
        return None if command is None else _act(record, note, command)

    def _command(
        self, decider: AnyDecider, record: Record, note: Note, state: object
    ) -> Command | None:
        """Return the command, as it was kept or made again from its events."""
        if note.command in self._commands and self._commands[note.command] is None:
            return self._leave_out(f"{note.command}: left out as `commands` says")
        try:
            kept = history.kept(decider, record)
        except Invalid:
            if not record.events:
                return self._leave_out(f"{note.command}: {CHANGED_CLASS}")
            kept = None
        if kept is None and not record.events:
            return self._leave_out(WITHOUT_EVENTS)
        return kept or self._made_again(decider, record, note, state)

    def _leave_out(self, reason: str) -> Command | None:
        self.left_out[reason] += 1
        return None

    def _made_again(
        self, decider: AnyDecider, record: Record, note: Note, state: object
    ) -> Command | None:
        events = list(history.recorded(decider, record))
        make = self._commands.get(note.command)
        if make is not None:
            command = make(events)
            return command or self._leave_out(f"{note.command}: left out as `commands` says")
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
        outcome=note.outcome,
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
