"""Reads the messages that the steps of a process hold: what it has heard, and what it ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from comity.engine.errors import UnreadableEvent, UnreadableOrder
from comity.engine.processes.events import OrderGiven, ProcessHeard
from comity.evolution.auditing.audit import CopyRead, Role
from comity.evolution.auditing.problems import Problems, place_of

if TYPE_CHECKING:
    from comity.engine.journal.record import Record
    from comity.engine.messages.message import Event, Message
    from comity.engine.processes.process import AnyProcess


class _Kind(NamedTuple):
    role: Role
    type: str
    name: str
    schema: int


class CopyReader:
    """The messages in the steps of one process.

    Args:
        process: the process with today's classes.
        problems: where messages that cannot be read are noted.
    """

    def __init__(self, process: AnyProcess, problems: Problems) -> None:
        self._process = process
        self._problems = problems
        self._counts: Counter[_Kind] = Counter()
        self._unreadable: Counter[_Kind] = Counter()
        self._read_as: dict[_Kind, str] = {}

    def read(self, record: Record, events: Sequence[Event]) -> bool:
        """Read what a step holds; False if it has heard an event that cannot be read."""
        whole = True
        for offset, event in enumerate(events, 1):
            if isinstance(event, ProcessHeard):
                kind = _Kind("heard", event.type, event.name, event.schema_of)
                whole = self._try(kind, record, offset, event) and whole
            elif isinstance(event, OrderGiven):
                kind = _Kind("ordered", event.type, event.command, event.schema_of)
                self._try(kind, record, offset, event)
        return whole

    def _try(
        self, kind: _Kind, record: Record, offset: int, event: ProcessHeard | OrderGiven
    ) -> bool:
        self._counts[kind] += 1
        found: Message
        try:
            if isinstance(event, ProcessHeard):
                found = self._process.event_heard(event)
            else:
                found = self._process.order_of(event, record.aggregate.key).command
        except (UnreadableEvent, UnreadableOrder) as error:
            self._unreadable[kind] += 1
            what = f"{self._process.name} has {kind.role} {kind.type} {kind.name}"
            what = f"{what}, schema version {kind.schema}"
            self._problems.add(kind.role, what, place_of(record, offset, error))
            return False
        self._read_as[kind] = type(found).__name__
        return True

    def kinds(self) -> Iterator[CopyRead]:
        """Yield each kind of these messages, and how it is read."""
        for kind, many in sorted(self._counts.items()):
            read_as = self._read_as.get(kind)
            yield CopyRead(self._process.name, *kind, many, read_as, self._unreadable[kind])
