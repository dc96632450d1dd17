"""Lists the aggregates of a journal. `domain.aggregates` and `comity aggregates` use it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from comity.engine.aggregate_id import AggregateId, check_key
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal


class ListedAggregate(NamedTuple):
    """An aggregate that has events, as a list of aggregates shows it."""

    type: str
    """The decider's name."""
    key: str
    version: int
    """How many events it has."""
    changed: datetime
    """When the command of its last event was decided, in UTC."""


def listed(
    journal: Journal, type_: str, *, prefix: str = "", after: str | None = None
) -> Iterator[ListedAggregate]:
    """List the aggregates of a type, in order of their keys.

    It holds no transaction between two of them. It shows each as it is when it is reached; one that
    begins meanwhile may be missing.

    Args:
        journal: where they are.
        type_: the type's name.
        prefix: only those whose keys begin with it; checked by the caller.
        after: only those whose keys come after it; checked by the caller.
    """
    first = prefix if after is None else max(prefix, after)
    found = takewhile(
        lambda one: one[0].type == type_ and one[0].key.startswith(prefix),
        journal.aggregates(AggregateId(type_, first)),
    )
    return (_listed(journal, one, version) for one, version in found if one.key != after)


def listed_in_all(journal: Journal, after: AggregateId | None = None) -> Iterator[ListedAggregate]:
    """List the aggregates of all types, in order of type and key, after this one."""
    found = journal.aggregates(after)
    return (_listed(journal, one, version) for one, version in found if one != after)


def check_prefix(prefix: str) -> str:
    """Return the beginning of keys, or raise `Invalid`: at most 200 bytes of valid UTF-8."""
    return check_key(prefix) if prefix != "" else ""


def _listed(journal: Journal, aggregate: AggregateId, version: int) -> ListedAggregate:
    """Read the aggregate's last event; it may have new ones by now."""
    time = 0
    for record in journal.read(aggregate, version - 1):
        if record.events:
            version, time = record.last_version, record.time
    return ListedAggregate(aggregate.type, aggregate.key, version, moment(time))
