"""Verifies a copy: a second pass compares all of it, finds each command id, folds aggregates.

It goes on from where it was, so that little is left to verify once the domain is closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.journal import Journal
from comity.engine.journal.window import KEEP_IDS
from comity.engine.merging.decider import AnyDecider
from comity.engine.text import printable
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.folding import Folding
from comity.evolution.copying.lockstep import Lockstep
from comity.evolution.copying.process_steps import check_ordered
from comity.evolution.copying.rewriting import Output, Rewriting

_AGAIN = "delete the copy's folder, or give a path where nothing is, and begin anew"


class Verification:
    """The second pass, with its counts."""

    def __init__(
        self,
        old: Journal,
        new: Journal,
        rewriting: Rewriting,
        deciders: Mapping[str, AnyDecider],
    ) -> None:
        self._old, self._new = old, new
        self._lockstep = Lockstep(new)
        self.rewriting = rewriting
        self.folding = Folding(old, new, deciders)
        self.events = Counter[EventKind]()
        """The events of the copy, by kind."""
        self.ids_found = 0

    @property
    def records(self) -> int:
        """How many records of the copy were verified."""
        return self._lockstep.records

    def go_on(self) -> Iterator[int]:
        """Verify up to the copy's end; gives the number of verified records of the original.

        Raises:
            CopyFailed: the copy differs from what the function gives now, or finds an id no more.
        """
        end = self._new.figures().records
        if self.records == end:
            return
        for outputs in self.rewriting.outputs():
            for output in outputs:
                self._verify(output)
            yield self.rewriting.records
            if self.records == end:  # the original may be longer already
                return
        raise CopyFailed(f"the copy has records that the original does not give; {_AGAIN}")

    def fold(self) -> Iterator[int]:
        """Fold the aggregates that were verified since the last call; gives how many are done.

        Raises:
            CopyFailed: an aggregate cannot be folded, or has another state than in the original.
        """
        return self.folding.fold(self.rewriting.touched)

    def finish(self) -> None:
        """Compare the counts of both journals with those of the passes, when all is verified.

        Raises:
            CopyFailed: the counts differ, or processes gave orders to aggregates that are gone.
        """
        old, new = self._old.figures(), self._new.figures()
        left = old.records - old.dropped
        _check_count("records of the original", left, self.rewriting.records)
        _check_count("records of the copy", new.records, self.records)
        _check_count("events of the copy", new.events, self.events.total())
        _check_kinds("the original", self._old.kinds(), self.rewriting.events)
        _check_kinds("the copy", self._new.kinds(), self.events)
        before = {kind.type for kind in self.rewriting.events}
        check_ordered(self.rewriting.steps.ordered, before, {kind.type for kind in self.events})

    def _verify(self, output: Output) -> None:
        if not self._lockstep.has(output):
            command_id = output.entry.command_id
            raise CopyFailed(f"the copy lacks command {command_id!r}, its last record; {_AGAIN}")
        aggregate, events = output.aggregate, output.entry.events
        for event in events:
            self.events[EventKind.of(aggregate, event)] += 1
        if events:
            self.folding.note(aggregate)
        self._find(output)

    def _find(self, output: Output) -> None:
        """Check that a retry finds the record, if a retry of the original does."""
        command_id = output.entry.command_id
        found = self._new.find(command_id)
        if found is not None and found.aggregate == output.aggregate:
            self.ids_found += 1
            return
        source = output.source
        original = self._old.find(source.command_id)
        if original is None or original.time != source.time:
            return  # it is outside of the window, or was used once more after that
        if self._new.figures().records - self._lockstep.records < KEEP_IDS:
            raise CopyFailed(f"the copy does not find command {printable(command_id)!r}; {_AGAIN}")


def _check_count(what: str, journal: int, counted: int) -> None:
    if journal != counted:
        raise CopyFailed(f"the {what}: {counted:,} were read, and it says {journal:,}; {_AGAIN}")


def _check_kinds(
    what: str, journal: Mapping[EventKind, int], counted: Mapping[EventKind, int]
) -> None:
    for kind in sorted({*journal, *counted}):
        _check_count(f"{kind.name} events of {what}", journal.get(kind, 0), counted.get(kind, 0))
