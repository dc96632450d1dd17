"""One pass through the original: gives the entries that the copy must have, in order.

A copy is made with one pass, and verified with another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from comity.engine.aggregate_id import MAX_KEY_BYTES, AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.evolution.copying.answers import Answers, Rewrite, RewriteClass
from comity.evolution.copying.journal_record import JournalRecord
from comity.evolution.copying.process_steps import ProcessSteps
from comity.evolution.copying.spans import Positions
from comity.evolution.copying.translating import translated, without_command
from comity.evolution.copying.versions import Versions


class Output(NamedTuple):
    """An entry of the copy."""

    aggregate: AggregateId
    version: int
    """The aggregate's version in the copy, before the entry."""
    entry: Entry
    source: Record
    """The record of the original that it stands for."""


class Rewriting:
    """A pass through a journal, with everything that it has to remember."""

    def __init__(self, old: Journal, function: Rewrite | RewriteClass) -> None:
        self._old = old
        self._answers = Answers(function)
        self.versions = Versions()
        self.positions = Positions()
        """The positions of all events so far."""
        self._before = 0
        """The original's position before the next record."""
        self.steps = ProcessSteps(self.versions, self.positions)
        self.number = 0
        """The number of the last record that the pass has come to."""
        self.records = 0
        self.changed = 0
        """How many records the function changed."""
        self.events = Counter[EventKind]()
        """The events of the original, by kind."""
        self.touched: set[AggregateId] = set()
        """The aggregates of the copy that differ in anything from those of the original."""

    def outputs(self) -> Iterator[list[Output]]:
        """Go on to the end of the journal; give the entries that stand for each record.

        The caller may stop between two records, and call it again later.
        """
        for number, record in self._old.read_every(self.number):
            outputs = self._rewrite(record)
            self._count(record, outputs)
            self.number = number
            self.records += 1
            yield outputs

    def _count(self, record: Record, outputs: list[Output]) -> None:
        """Count the positions of the original and of the copy."""
        events, written = len(record.events), sum(len(one.entry.events) for one in outputs)
        before = record.position if events else self._before
        if events or written:
            self.positions.add(before, events, written)
        self._before = before + events

    def _rewrite(self, record: Record) -> list[Output]:
        for event in record.events:
            self.events[EventKind.of(record.aggregate, event)] += 1
        given = JournalRecord.of(record)
        answer = self._answers.answer(given)
        first = answer[0]
        same = first.aggregate == record.aggregate and first.events == given.events
        step = self.steps.take(record, first)
        sent = self.steps.sent(record)
        if same and len(answer) == 1:
            version, many = record.version, len(record.events)
            if self.versions.keep(record.aggregate, version, many):
                if step.events != given.events:
                    self.touched.add(record.aggregate)
                    sent = sent._replace(events=_stored(step))
                return [Output(record.aggregate, version, _entry(sent), record)]
        self.changed += not same or len(answer) > 1
        self.touched |= {record.aggregate, *(one.aggregate for one in answer)}
        answer = [step, *answer[1:]]
        return [self._moved(record, sent, one, part) for part, one in enumerate(answer, 1)]

    def _moved(self, record: Record, sent: Record, given: JournalRecord, part: int) -> Output:
        """Return the output for a part of what the copy has instead of a record.

        Args:
            record: of the original.
            sent: the same, with the id, sender and metadata that it has in the copy.
            given: the part.
            part: its number, from 1.
        """
        target = given.aggregate
        version = self.versions.now(target)
        events = _stored(given)

        def translate(old: int) -> int:
            if old == record.version:  # decided on a state of which nothing was unseen
                return version
            return self.versions.of(record.aggregate, target, old)

        note = translated(sent.note, translate)
        if part > 1:
            note = without_command(note)
        if record.events or events:
            self.versions.move(
                record.aggregate, record.version, len(record.events), target, len(events)
            )
        moved = record._replace(
            command_id=id_of(sent.command_id, part),
            events=events,
            note=note,
            lasting=record.lasting and not events,
        )
        return Output(target, version, _entry(moved), record)


def _stored(given: JournalRecord) -> tuple[StoredEvent, ...]:
    return tuple([one.stored for one in given.events])


def _entry(record: Record) -> Entry:
    return Entry(record.command_id, record.events, record.time, record.note, lasting=record.lasting)


def id_of(command_id: str, part: int) -> str:
    """Return the command id of a record: the command's own, or one derived from it.

    Args:
        command_id: the command's id.
        part: 1 for the record that has the command's id, 2 for the second record, and so on.
    """
    if part == 1:
        return command_id
    long = f"{command_id}~{part}"
    if len(long.encode()) <= MAX_KEY_BYTES:
        return long
    return f"{blake2b(command_id.encode(), digest_size=32).hexdigest()}~{part}"
