"""Folds the aggregates of a copy with today's deciders. `Verification` uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from comity.engine import AggregateId, UnreadableEvent
from comity.engine.checking.differences import differences
from comity.engine.checking.parts import show_part
from comity.engine.history.history import events_of
from comity.engine.journal.journal import Journal
from comity.engine.merging.decider import AnyDecider
from comity.engine.text import told
from comity.evolution.copying.copy_failed import CopyFailed

_KEPT: Final = 64
"""The states of so many aggregates stay in memory, to go on with them."""


class _Folded(NamedTuple):
    state: object
    version: int


class Folding:
    """The aggregates that must be folded again, because records were added.

    Args:
        old: the original.
        new: the copy.
        deciders: today's deciders by name; aggregates of other types are not folded.
    """

    def __init__(self, old: Journal, new: Journal, deciders: Mapping[str, AnyDecider]) -> None:
        self._journals = old, new
        self._deciders = deciders
        self.missing: set[str] = set()
        """The types of aggregates that have no decider."""
        self._due: dict[AggregateId, None] = {}
        self._states: dict[tuple[Journal, AggregateId], _Folded] = {}
        self._done: set[AggregateId] = set()
        self._same: set[AggregateId] = set()

    @property
    def folded(self) -> int:
        """How many aggregates of the copy were folded."""
        return len(self._done)

    @property
    def same(self) -> int:
        """How many of them had the same state in the original."""
        return len(self._same)

    def note(self, aggregate: AggregateId) -> None:
        """Note that the aggregate has new events."""
        if aggregate.type in self._deciders:
            self._due[aggregate] = None
        else:
            self.missing.add(aggregate.type)

    @property
    def due(self) -> int:
        """How many aggregates are to be folded."""
        return len(self._due)

    def fold(self, touched: AbstractSet[AggregateId]) -> Iterator[int]:
        """Fold each aggregate with new events, and compare its state where nothing was changed.

        Gives how many are done, after each one.

        Args:
            touched: the aggregates that differ from those of the original.

        Raises:
            CopyFailed: an aggregate cannot be folded, or its state is another one.
        """
        old, new = self._journals
        for done, aggregate in enumerate(list(self._due), 1):
            state = self._fold(new, aggregate)
            self._done.add(aggregate)
            self._same.discard(aggregate)
            if aggregate not in touched:
                self._compare(aggregate, self._fold(old, aggregate, state.version), state)
                self._same.add(aggregate)
            del self._due[aggregate]
            yield done

    def _fold(self, journal: Journal, aggregate: AggregateId, upto: int | None = None) -> _Folded:
        decider = self._deciders[aggregate.type]
        state, version = self._states.pop((journal, aggregate), (decider.initial(), 0))
        try:
            for record in journal.read(aggregate, version, upto):
                for event, at in events_of(decider, record, version, upto):
                    state = decider.replay(state, event, at)
                    version = at.version
        except UnreadableEvent as error:
            raise CopyFailed(f"the copy's {aggregate} cannot be read: {error}") from error
        except (Exception, SystemExit) as error:  # evolve is the user's
            raise CopyFailed(
                f"the copy's {aggregate} cannot be folded: at version {version + 1} evolve raised "
                f"{type(error).__name__}: {told(error)}; correct the function, or the decider"
            ) from error
        folded = self._states[journal, aggregate] = _Folded(state, version)
        if len(self._states) > 2 * _KEPT:
            del self._states[next(iter(self._states))]
        return folded

    @staticmethod
    def _compare(aggregate: AggregateId, old: _Folded, new: _Folded) -> None:
        different = differences(old.state, new.state)
        if old.version != new.version or different:
            where = ", ".join(map(show_part, different[:3])) or "its version"
            raise CopyFailed(
                f"the state of {aggregate} differs from that of the original, and the function "
                f"changed nothing there: {where}; is evolve deterministic?"
            )
