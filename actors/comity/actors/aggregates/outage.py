"""An outage: the journal cannot write now. The committer keeps this state.

Only `Journal.recover` ends an outage, whatever the failure was. The committer tries it at once,
then a few times a second, and before a group if a try is due. No command is needed for that.

Commands sent during an outage are answered with the error at once. Waiting would help in a few
cases and harm in most: a full disk stays full for minutes, and the inboxes would fill up.
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
    """Whether the journal can write; if not, which commands may be stored nevertheless.

    Args:
        journal: `recover` is called only while the thread holds the committer's role.
        clock: says when a try is due.
        ended: called when the journal writes again, with the aggregates of commands that may be
            stored.
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

    def told(self) -> tuple[float, str]:
        """For how many seconds the journal has not been able to write, and why; 0 if it is able."""
        error = self._error  # another thread may end the outage now
        return (0.0, "") if error is None else (self._now() - self._since, str(error))

    def begin(self, error: BaseException, unknown: Mapping[str, AggregateId] = _NOBODY) -> None:
        """Begin an outage, or go on with it: writing has failed.

        Args:
            error: the failure.
            unknown: the ids of commands that may be stored nevertheless, with their aggregates.
        """
        if self._error is None:
            self._since = self._now()
            _log.error("the journal cannot write, and tries again until it can: %s", error)
        self._error = _storage_failed(error)
        self._unknown.update(unknown)
        self._retry_at = 0.0

    def over(self) -> bool:
        """Whether the journal can write. In an outage, this tries to recover if a try is due."""
        return self._error is None or (self._now() >= self._retry_at and self._recovered())

    def left(self) -> float:
        """Seconds until the next try is due."""
        return max(0.0, self._retry_at - self._now())

    def answer(self, command_id: str) -> StorageFailed | OutcomeUnknown:
        """Make the answer to a command that is sent now, perhaps again."""
        error = self._error or StorageFailed("the journal could not write just now")
        if not self.is_unknown(command_id):
            return error
        return OutcomeUnknown(f"{error}; send the command again with the same id to find out")

    def is_unknown(self, command_id: str) -> bool:
        """Whether the command may be stored although the journal does not find it in the outage."""
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
