"""Decides the command of one record after the other again, and counts what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from comity.engine import (
    AggregateId,
    Command,
    DeciderFailed,
    Event,
    Invalid,
    JournalError,
    NotExecuted,
    Refused,
    UnreadableEvent,
)
from comity.engine.history import history
from comity.engine.history.made_again import from_fields
from comity.engine.history.note import Note
from comity.engine.messages.moment import moment
from comity.engine.text import told
from comity.evolution.rehearsing import answer
from comity.evolution.rehearsing.recorded_states import RecordedStates
from comity.evolution.rehearsing.rehearsal import Reason, RehearsalCase
from comity.evolution.rehearsing.tally import Tally

if TYPE_CHECKING:
    from comity.engine import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider
    from comity.evolution.rehearsing.answer import Answer
    from comity.evolution.rehearsing.recorded_state import RecordedState
    from comity.evolution.rehearsing.wanted import Wanted


class Rehearser:
    """One rehearsal. It takes the records in the order of the journal.

    Args:
        journal: the records' journal.
        deciders: today's rules, by type.
        wanted: which commands are decided again.
        limit: how many cases of each row are kept.
        from_events: whether commands that the journal does not have are made from their events.
    """

    def __init__(
        self,
        journal: Journal,
        deciders: Mapping[str, AnyDecider],
        wanted: Wanted,
        limit: int,
        *,
        from_events: bool,
    ) -> None:
        rules = {name: decider.rules_revision for name, decider in deciders.items()}
        self.tally = Tally(rules, limit)
        self.records = 0
        """How many records belong to aggregates of these types."""
        self._deciders = deciders
        self._wanted = wanted
        self._from_events = from_events
        self._states = RecordedStates(journal, deciders)
        self._broken: dict[AggregateId, tuple[Reason, str]] = {}
        """Why the states of these aggregates are not known any more."""

    def take(self, record: Record) -> None:
        """Decide the record's command again, if it is wanted, and go on behind the record.

        Raises:
            JournalDamaged, TooNew: the record's note cannot be read.
        """
        aggregate = record.aggregate
        decider = self._deciders.get(aggregate.type)
        if decider is None:
            self.tally.others[aggregate.type] += 1
            return
        self.records += 1
        note = Note.unpack(record.note)
        wanted = self._wanted.includes(record, note)
        self.tally.commands += wanted
        broken = self._broken.get(aggregate)
        if broken is None:
            self._go_on(decider, record, note, wanted=wanted)
        elif wanted:
            self._leave_out(record, note, *broken)
        self._states.passed(record)

    def _go_on(self, decider: AnyDecider, record: Record, note: Note, *, wanted: bool) -> None:
        """Decide the command if it is wanted, and fold the events, if both is possible."""
        states, aggregate, done = self._states, record.aggregate, not wanted
        try:
            state = states.before(record) if wanted else states.known(aggregate)
            if state is None:  # no wanted command needed it yet
                return
            parts = range(1, len(record.events) + 1)
            events = tuple([history.load(decider, record, part) for part in parts])
            if wanted:
                self._decide(decider, state, record, note, events)
                done = True
            state.take(record, note, events)
            if state.kept:
                states.keep(aggregate, state)
        except UnreadableEvent as error:
            broken = Reason.EVENT, str(error)
        except (JournalError, NotExecuted):
            raise
        except (Exception, SystemExit) as error:  # the domain's own code may raise anything
            broken = Reason.STATE, f"{type(error).__name__}: {told(error)}"
        else:
            return
        self._broken[aggregate] = broken
        states.drop(aggregate)
        if not done:
            self._leave_out(record, note, *broken)

    def _decide(
        self,
        decider: AnyDecider,
        state: RecordedState,
        record: Record,
        note: Note,
        events: tuple[Event, ...],
    ) -> None:
        """Decide the command again and compare; count it if that is impossible."""
        try:
            command, made = self._command(decider, note, events)
        except Invalid as error:
            known = history.command_class(decider, note.command, stored=note.schema is not None)
            self._leave_out(record, note, Reason.COMMAND if known else Reason.GONE, str(error))
            return
        if command is None:
            self._leave_out(record, note, Reason.NOT_KEPT)
            return
        try:
            now = answer.decided(state.decide(record, note, command))
        except Refused as refusal:
            now = answer.refused(refusal)
        except DeciderFailed as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # no bug: Ctrl-C during `decide`
                raise error.__context__ from None
            self._leave_out(record, note, Reason.FAILED, str(error))
            return
        self.tally.from_events += made
        was = answer.recorded(note, events)
        if was.same_as(now):
            self.tally.same(record.aggregate.type, type(command).__name__, was.outcome)
        else:
            self._differ(record, note, command, was, now, from_events=made)

    def _command(
        self, decider: AnyDecider, note: Note, events: tuple[Event, ...]
    ) -> tuple[Command | None, bool]:
        """Return the command if it is known, and whether it was made from its events.

        Raises:
            Invalid: the journal has the command, and its class cannot read it.
        """
        command = history.as_sent(decider, note)
        if command is not None or not self._from_events or not events:
            return command, False
        return from_fields(decider, note.command, events, every=True), True

    def _differ(
        self,
        record: Record,
        note: Note,
        command: Command,
        was: Answer,
        now: Answer,
        *,
        from_events: bool,
    ) -> None:
        """Count a command that comes out differently."""
        aggregate, who, name = record.aggregate, note.who or note.session, type(command).__name__
        if not self.tally.wants(aggregate.type, name, was.outcome, now.outcome, who):
            return
        self.tally.tell(
            RehearsalCase(
                aggregate=aggregate,
                version=record.version,
                time=moment(record.time),
                who=note.who,
                session=note.session,
                command=name,
                command_id=record.command_id,
                fields=dict(command),
                rules_revision=note.rules_revision,
                was=was,
                now=now,
                from_events=from_events,
            )
        )

    def _leave_out(self, record: Record, note: Note, reason: Reason, why: str = "") -> None:
        """Count a command that cannot be decided again."""
        place = f"{moment(record.time):%Y-%m-%d %H:%M} {record.aggregate.at(record.version)}"
        first = f"{place}: {why}" if why else place
        type_ = record.aggregate.type
        kind = history.command_class(self._deciders[type_], note.command)
        name = note.command if kind is None else kind.__name__
        self.tally.leave_out(type_, name, reason, first)
