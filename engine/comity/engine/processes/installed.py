"""Which processes a journal has, and what their steps say, without the code of the processes.

The command line, checks and migrations use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast, get_args

from comity.engine.aggregate_id import AggregateId
from comity.engine.messages.codec import unpack_fields
from comity.engine.messages.event_types import EventTypes
from comity.engine.processes.events import (
    INSTALLED,
    OrderGiven,
    ProcessEvent,
    ProcessHeard,
    ProcessInstalled,
)
from comity.engine.processes.packed import shown

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal


def starts_in(journal: Journal) -> Mapping[str, int]:
    """Return the names of the journal's processes, each with the position after which it begins."""
    name = ProcessInstalled.stored_as
    types = sorted({kind.type for kind in journal.kinds() if kind.name == name})
    found = {one: _start(journal, AggregateId(one, INSTALLED)) for one in types}
    return {one: start for one, start in found.items() if start is not None}


def _start(journal: Journal, stream: AggregateId) -> int | None:
    """Where a process begins; None if its type is an aggregate's that has such an event, too."""
    for record in journal.read(stream, upto=1):
        first = record.events[0]
        if first.name == ProcessInstalled.stored_as:
            return cast("int", unpack_fields(first.data)["start"])
    return None


def steps_of(name: str) -> EventTypes[ProcessEvent]:
    """Return what reads the events of a process."""
    kinds = cast("tuple[type[ProcessEvent], ...]", get_args(ProcessEvent))
    return EventTypes(name, kinds, frozenset())


def fields_of(event: ProcessEvent) -> dict[str, object]:
    """Return the fields of an event of a process; those of the message in it are not packed."""
    fields: dict[str, object] = dict(event)
    if isinstance(event, (ProcessHeard, OrderGiven)):
        fields["data"] = shown(event.data)
    return fields
