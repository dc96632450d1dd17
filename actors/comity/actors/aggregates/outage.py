"""The journal cannot write now: one state, with one way out. The committer has it.

The way out is `Journal.recover`, whatever the failure was: tried at once, then a few times a
second, and before a group that comes when a try is due. Nobody has to send anything for that.

Who sends meanwhile is told so at once. Waiting would help in a few cases and harm in most: a disk
that is full stays full for minutes, and the inboxes with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from comity.engine.errors import OutcomeUnknown, StorageFailed

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.runtime.clock import Clock

_log = logging.getLogger("comity")

_NOBODY: Final[Mapping[str, AggregateId]] = {}


class Outage:
    """Whether the journal can write, and what is not known until it can.

    Args:
        journal: `recover` is called under the committer's role alone.
        clock: says when a try is due.
        ended: called when it writes again, with the aggregates whose commands have turned out to be
            stored, perhaps.
    """

    RETRY = 0.2
    """Seconds between two tries to write again."""

    def __init__(
        self, journal: Journal, clock: Clock, ended: Callable[[Iterable[AggregateId]], None]
    ) -> None:
        self._journal = journal
        self._now = clock.monotonic
        self._ended = ended
        self._error: StorageFailed | None = None
        self._unknown: dict[str, AggregateId] = {}
        self._retry_at = self._since = 0.0

    @property
    def on(self) -> bool:
        """Whether the journal cannot write."""
        return self._error is not None

    def begin(self, error: BaseException, unknown: Mapping[str, AggregateId] = _NOBODY) -> None:
        """Writing has failed.

        Args:
            error: how.
            unknown: the ids of the commands that may be stored all the same, each with its
                aggregate.
        """
        if self._error is None:
            self._since = self._now()
            _log.error("the journal cannot write, and tries again until it can: %s", error)
        self._error = _storage_failed(error)
        self._unknown.update(unknown)
        self._retry_at = 0.0

    def over(self) -> bool:
        """Whether the journal can write; where it could not, that is tried when it is due."""
        return self._error is None or (self._now() >= self._retry_at and self._recovered())

    def left(self) -> float:
        """Seconds until it is to be tried again."""
        return max(0.0, self._retry_at - self._now())

    def answer(self, command_id: str) -> StorageFailed | OutcomeUnknown:
        """What to tell who sends a command now, perhaps not for the first time."""
        error = self._error or StorageFailed("the journal could not write just now")
        if not self.is_unknown(command_id):
            return error
        return OutcomeUnknown(f"{error}; send the command again with the same id to find out")

    def is_unknown(self, command_id: str) -> bool:
        """Whether the command may be stored without being found, until the journal can write."""
        return command_id in self._unknown

    def _recovered(self) -> bool:
        try:
            self._journal.recover()
        except Exception as error:
            self._error = _storage_failed(error)
            self._retry_at = self._now() + self.RETRY
            return False
        _log.warning("the journal writes again, after %.2f s", self._now() - self._since)
        unknown, self._unknown = self._unknown, {}
        self._error = None
        self._ended(unknown.values())
        return True


def _storage_failed(error: BaseException) -> StorageFailed:
    if isinstance(error, StorageFailed):
        return error
    return StorageFailed(f"the journal cannot be written: {error}")
