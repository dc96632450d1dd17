"""A domain among the processes that have its journal open: it hears of them while it follows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from comity.engine.runtime.system import Lock
from comity.engine.sharing.sharer import Sharer, moment

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.sharing.member import Member

_log = logging.getLogger("comity")

_LONG: Final = 1.0
"""Seconds after which it is said that a commit waits for another process."""


class Sharing:
    """Lets the journal wake the followers, but only while there are any.

    Args:
        journal: the domain's journal.
        hear: wakes the followers.
        is_followed: whether anything follows the journal now.
    """

    def __init__(
        self, journal: Journal, hear: Callable[[], None], is_followed: Callable[[], bool]
    ) -> None:
        self._journal = journal
        self._hear = hear
        self._is_followed = is_followed
        self._lock = Lock()
        self._stop: Callable[[], None] | None = None
        self._ended = False
        self._news = 0
        self._said = False
        self._member: Member | None = getattr(journal, "member", None)

    def sharers(self) -> Sequence[Sharer]:
        """The processes that have the journal open, this one first; none if it is not shared."""
        return [] if self._member is None else [self._member.me(), *self._member.others()]

    def waited(self) -> tuple[float, str]:
        """For how long a commit has waited for another process to write, and which one it is."""
        waited = 0.0 if self._member is None else self._member.waited()
        holder = self._member.holder() if self._member is not None and waited else None
        return waited, "" if holder is None else str(holder)

    def follow(self) -> None:
        """Hear of other processes' commits from now on, if anything follows the journal."""
        with self._lock:
            wanted = not self._ended and self._is_followed()
            if wanted and self._stop is None:
                self._stop = self._journal.wake(self._hear)
            elif not wanted and self._stop is not None:
                self._stop()
                self._stop = None

    def look_after(self) -> None:
        """Do the periodic work, a few times a second."""
        if self._member is not None:
            self._member.beat()
            self._say_what_holds_up(self._member)
        self.follow()
        if self._stop is not None:
            self._look_for_news()

    def end(self) -> None:
        """Hear nothing any more."""
        with self._lock:
            self._ended = True
            if self._stop is not None:
                self._stop()
                self._stop = None

    def _look_for_news(self) -> None:
        """Hear of commits for which nobody rang, because their process was killed in between."""
        news = self._journal.news()
        if news != self._news:
            self._news = news
            self._hear()

    def _say_what_holds_up(self, member: Member) -> None:
        waited = member.waited()
        if waited < _LONG:
            self._said = False
        elif not self._said:
            self._said = True
            holder = member.holder()
            who = (
                f"{holder}, writing since {moment(holder.holds_since)}"
                if holder
                else "another program"
            )
            _log.warning("a commit has waited %.1f s for another process to write: %s", waited, who)
