"""Translates what the steps of processes say of the journal: positions, versions, aggregates.

An instance hears each event once because it knows the position of the last one that it has heard.
So a step of the copy must name positions of the copy. `Rewriting` uses it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from comity.engine import AggregateId
from comity.engine.history.note import Note
from comity.engine.processes.events import (
    INSTALLED,
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessHeard,
    ProcessInstalled,
)
from comity.engine.processes.given_order import INSTANCE, order_id
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.journal_event import JournalEvent
from comity.evolution.copying.translating import with_sender

if TYPE_CHECKING:
    from comity.engine.journal.record import Record
    from comity.evolution.copying.journal_record import JournalRecord
    from comity.evolution.copying.spans import Positions
    from comity.evolution.copying.versions import Versions

Fields: TypeAlias = dict[str, object]
Originals: TypeAlias = Mapping[int, Fields]

_ENDED: Final = ProcessEnded.stored_as
_INSTALLED: Final = ProcessInstalled.stored_as
_HEARD: Final = ProcessHeard.stored_as
_GIVEN: Final = OrderGiven.stored_as
_ANSWERED: Final = OrderAnswered.stored_as


class ProcessSteps:
    """What a pass through a journal has to know of its processes.

    Memory: some 100 bytes for each aggregate that the function gives another type or key, and for
    each order without an answer.
    """

    def __init__(self, versions: Versions, positions: Positions) -> None:
        self._versions, self._positions = versions, positions
        self._names: set[str] = set()
        """The processes that were met so far."""
        self._moved: dict[AggregateId, AggregateId] = {}
        """The places of aggregates in the copy that have another type or key there."""
        self._instances: dict[str, tuple[AggregateId, AggregateId]] = {}
        """The instances among these, by what the metadata of their orders say."""
        self._orders: dict[tuple[AggregateId, int], tuple[AggregateId, AggregateId]] = {}
        """The target of each order without an answer: in the original and in the copy."""
        self.ordered: set[str] = set()
        """The types of the aggregates that the copy's orders are for."""

    def take(self, record: Record, given: JournalRecord) -> JournalRecord:
        """Note a record, and return what the copy has instead; of a step, with its own numbers.

        Args:
            record: of the original.
            given: what the function gave for it.
        """
        source, target = record.aggregate, given.aggregate
        if record.events and source != target:
            self._moved[source] = target
        if not self._is_step(record):
            return given
        if source != target:
            self._instances[str(source)] = source, target
        before = _originals(record)
        events = tuple([self._event(source, before, event) for event in given.events])
        return given if events == given.events else replace(given, events=events)

    def _is_step(self, record: Record) -> bool:
        source = record.aggregate
        begins = source.key == INSTALLED and not record.version and record.events
        if begins and record.events[0].name == _INSTALLED:
            self._names.add(source.type)
        return source.type in self._names

    def _event(self, instance: AggregateId, before: Originals, event: JournalEvent) -> JournalEvent:
        """Return an event of a step with what it says of the copy."""
        fields = event.fields
        if event.name == _INSTALLED:
            changes: Fields = {"start": self._position(fields["start"])}
        elif event.name == _HEARD:
            changes = self._heard(before.get(0, fields), fields)
        elif event.name == _GIVEN:
            number = cast("int", fields["number"])
            changes = self._given(instance, before.get(number, fields), fields)
        elif event.name == _ENDED:
            changes = {"upto": self._position(fields["upto"])} if fields.get("upto") else {}
        elif event.name == _ANSWERED:
            changes = self._answered(instance, fields)
        else:
            return event
        if changes.items() <= fields.items():
            return event
        stored = event.stored  # its stamp stays: other numbers are as valid
        return JournalEvent(stored._replace(data={**fields, **changes}))

    def _heard(self, before: Mapping[str, object], fields: Fields) -> Fields:
        """Translate a heard event; the function may have changed whose it is."""
        source, target = _aggregate(before), _aggregate(fields)
        if source == target:
            target = self._moved.get(source, source)
        return {
            "type": target.type,
            "key": target.key,
            "version": self._version(source, target, fields["version"]),
            "position": self._position(fields["position"]),
        }

    def _given(self, instance: AggregateId, before: Mapping[str, object], fields: Fields) -> Fields:
        """Translate an order. Whom it is for only the function knows.

        Raises:
            CopyFailed: it is for an aggregate that the copy does not have.
        """
        source, target = _aggregate(before), _aggregate(fields)
        if source == target and self._moved.get(source, source) != source:
            raise CopyFailed(_forgotten(f"{instance} ordered {fields['command']} of {source}"))
        self.ordered.add(target.type)
        self._orders[instance, cast("int", fields["number"])] = source, target
        seen = fields["seen"]
        return {"seen": None if seen is None else self._version(source, target, seen)}

    def _answered(self, instance: AggregateId, fields: Fields) -> Fields:
        number = cast("int", fields["number"])
        source, target = self._orders.pop((instance, number), (instance, instance))
        return {
            "version": self._version(source, target, fields["version"]),
            "position": self._position(fields["position"]),
        }

    def _position(self, position: object) -> int:
        return self._positions.of(cast("int", position))

    def _version(self, source: AggregateId, target: AggregateId, version: object) -> int:
        known = cast("int", version)
        return self._versions.of(source, target, known) or known

    def sent(self, record: Record) -> Record:
        """Return the record; of an order, with the id that its instance gives it in the copy."""
        if not self._instances:
            return record
        note = Note.unpack(record.note)
        moved = self._instances.get(note.metadata.get(INSTANCE, ""))
        if moved is None:
            return record
        before, after = moved
        number = record.command_id.rpartition("/")[2]
        if not number.isdecimal() or record.command_id != order_id(before, int(number)):
            return record
        id_ = order_id(after, int(number))
        session = id_.rpartition("/")[0] if note.session else ""
        metadata = {**note.metadata, INSTANCE: str(after)}
        who = after.type if note.who == before.type else note.who
        told = with_sender(record.note, who=who, session=session, metadata=metadata)
        return record._replace(command_id=id_, note=told)


def check_ordered(ordered: Iterable[str], before: Container[str], after: Container[str]) -> None:
    """Check that the copy has the aggregate types that its processes gave orders to.

    Args:
        ordered: these types.
        before: the types of the original.
        after: the types of the copy.

    Raises:
        CopyFailed: the copy lacks one that the original has.
    """
    for type_ in ordered:
        if type_ in before and type_ not in after:
            raise CopyFailed(_forgotten(f"processes gave orders to {type_}"))


def _forgotten(what: str) -> str:
    return (
        f"{what}, which the copy has under another name: let the function change the orders, too: "
        'event.with_fields(type=..., key=...) for each event that is called "OrderGiven"'
    )


def _originals(record: Record) -> Originals:
    """Return the fields of what a step has heard, as 0, and of its orders, by number."""
    found: dict[int, Fields] = {}
    for event in map(JournalEvent, record.events):
        if event.name == _HEARD:
            found[0] = event.fields
        elif event.name == _GIVEN:
            fields = event.fields
            found[cast("int", fields["number"])] = fields
    return found


def _aggregate(fields: Mapping[str, object]) -> AggregateId:
    return AggregateId(str(fields["type"]), str(fields["key"]))
