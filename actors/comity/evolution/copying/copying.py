"""The work of a migration: copies, verifies and follows. `migrate` uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from comity.engine.journal.journal import Journal
from comity.engine.merging.decider import AnyDecider
from comity.engine.runtime.system import pause
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.lockstep import Lockstep
from comity.evolution.copying.migrated import Migrated, ShowProgress, Stage
from comity.evolution.copying.pace import Pace, Stopped
from comity.evolution.copying.rewriting import Output, Rewriting
from comity.evolution.copying.verification import Verification
from comity.evolution.copying.writing import Writing

_LOOK_SECONDS: Final = 0.1
"""Seconds between two looks whether the domain is closed."""


class Copying:
    """Two passes through a journal: the first one writes the copy, the second one verifies it."""

    def __init__(
        self,
        old: Journal,
        new: Journal,
        passes: tuple[Rewriting, Rewriting],
        deciders: Mapping[str, AnyDecider],
        progress: ShowProgress | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self._old, self._new = old, new
        self._rewriting, verifying = passes
        self._writing = Writing(new)
        self._written = Lockstep(new)
        """What earlier runs have written."""
        self._resuming = True
        self._verification = Verification(old, new, verifying, deciders)
        self._pace = Pace(old, progress, stop)

    def follow(self, is_closed: Callable[[], bool]) -> None:
        """Keep up with the original until its domain is closed.

        Args:
            is_closed: whether the domain is closed; then it cannot be opened any more.

        Raises:
            CopyFailed, StorageFailed, OutcomeUnknown, JournalDamaged, TooNew, Stopped
        """
        self.keep_up()
        self._old.kinds()  # commits that an older comity has not counted are read now, not later
        while not is_closed():
            self._pace.wait(self._rewriting.records)
            pause(_LOOK_SECONDS)
            self.keep_up()

    def keep_up(self) -> None:
        """Copy up to the original's end, then verify what was copied; raises as `follow`."""
        self._copy()
        self._pace.begin(Stage.VERIFYING, self._verification.rewriting.records)
        for records in self._verification.go_on():
            self._pace.show(records)
        self._pace.begin(Stage.FOLDING, 0, self._verification.folding.due)
        for aggregates in self._verification.fold():
            self._pace.show(aggregates)

    def complete(self) -> None:
        """Copy and verify the rest, and compare the counts; raises as `follow`."""
        self.keep_up()
        self._verification.finish()

    def position(self, old: int) -> int:
        """Return the copy's position after a position of the original."""
        return self._rewriting.positions.of(old)

    def result(self, *, complete: bool) -> Migrated:
        """Return what was done."""
        verified = self._verification
        return Migrated(
            complete=complete,
            records=self._rewriting.records,
            records_copied=self._new.figures().records,
            resumed=self._written.records,
            changed=self._rewriting.changed,
            events=dict(sorted(verified.rewriting.events.items())),
            events_copied=dict(sorted(verified.events.items())),
            ids_found=verified.ids_found,
            aggregates=self._rewriting.versions.aggregates,
            folded=verified.folding.folded,
            same=verified.folding.same,
            not_folded=tuple(sorted(verified.folding.missing)),
            seconds=0,
            break_seconds=None,
        )

    def _copy(self) -> None:
        self._pace.begin(Stage.COPYING, self._rewriting.records)
        try:
            for outputs in self._rewriting.outputs():
                self._writing.add([one for one in outputs if not self._is_written(one)])
                self._pace.show(self._rewriting.records)
        except Stopped:
            self._writing.flush()
            raise
        self._writing.flush()
        if self._resuming and self._written.next() is not None:
            raise CopyFailed(
                "the copy has more records than the original: an older backup of the original was "
                "restored, or this is another one; begin a new copy where nothing is"
            )

    def _is_written(self, output: Output) -> bool:
        """Return whether an earlier run has written it; False from the first that was not."""
        if self._resuming:
            self._resuming = self._written.has(output)
        return self._resuming
