"""Which version of an aggregate in the copy is which version of one in the original.

Events are split, merged, moved and left out, so versions differ. `Rewriting` translates with this
what records say of versions.
"""

from __future__ import annotations

from comity.engine import AggregateId
from comity.evolution.copying.spans import Spans


class Versions:
    """The versions of all aggregates of a copy, and their counterparts.

    Memory: about 200 bytes for each aggregate, and 32 for each record of an aggregate whose
    versions differ.
    """

    def __init__(self) -> None:
        self._now: dict[AggregateId, int] = {}
        self._moved: set[AggregateId] = set()
        """The aggregates of the original whose versions differ in the copy."""
        self._spans: dict[tuple[AggregateId, AggregateId], Spans] = {}

    @property
    def aggregates(self) -> int:
        """How many aggregates have events in the copy."""
        return sum(version > 0 for version in self._now.values())

    def now(self, aggregate: AggregateId) -> int:
        """Return how many events the aggregate has in the copy."""
        return self._now.get(aggregate, 0)

    def keep(self, aggregate: AggregateId, version: int, events: int) -> bool:
        """Add events that stay what they were; return False if their versions do not.

        Args:
            aggregate: the aggregate, in the original and in the copy.
            version: its version in the original, before the events.
            events: the number of events.
        """
        if aggregate in self._moved or self.now(aggregate) != version:
            return False
        self._now[aggregate] = version + events
        return True

    def move(
        self, source: AggregateId, version: int, before: int, target: AggregateId, after: int
    ) -> None:
        """Add the events that the copy has instead of some events of the original.

        Args:
            source: the aggregate in the original.
            version: its version before the events.
            before: how many events there were.
            target: an aggregate in the copy.
            after: how many events it gets.
        """
        if source not in self._moved:  # until now, each version was the same in both
            self._moved.add(source)
            self._spans[source, source] = Spans()
            self._spans[source, source].add(0, version, 0, version)
        start = self.now(target)
        self._now[target] = start + after
        spans = self._spans.setdefault((source, target), Spans())
        spans.add(version, version + before, start, start + after)

    def of(self, source: AggregateId, target: AggregateId, version: int) -> int:
        """Return the version of `target` in the copy after a version of `source` was copied."""
        if source not in self._moved:
            return version if source == target else 0
        spans = self._spans.get((source, target))
        return spans.of(version) if spans else 0
