"""The newest events in memory, so that followers need not read them from the journal.

Reading an event costs 20 µs for each read model; these are made once for all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.aggregates.decided_turn import DecidedTurn
    from comity.actors.aggregates.task import Task
    from comity.engine.journal.result import Stored

    _Committed: TypeAlias = tuple[int, DecidedTurn, Stored]
    """The number of events, their turn, and where the journal stored them."""


class Recent:
    """Consecutive events, up to the last one that this domain has committed.

    The committer adds events, and any thread reads them. If another domain has committed in
    between, the earlier events are dropped.
    """

    MOST: Final = 8_192
    """The most events that are kept; followers further behind read the journal."""

    def __init__(self) -> None:
        self.wanted = False
        """Whether there is a reader; events are kept only if so."""
        self._lock = Lock()
        self._groups: deque[_Group] = deque()
        self._held = 0

    def add(self, landed: Sequence[tuple[DecidedTurn, Stored | None]]) -> None:
        """Add turns that are durable, in this order; turns without events are left out."""
        if not self.wanted:
            return
        committed = [
            (turn.events, turn, stored)
            for turn, stored in landed
            if turn.events and stored is not None
        ]
        if not committed:
            return
        group = _Group(committed)
        with self._lock:
            if self._groups and self._groups[-1].end != group.start:
                self._groups.clear()
                self._held = 0
            self._groups.append(group)
            self._held += group.end - group.start
            while self._held > self.MOST and len(self._groups) > 1:
                oldest = self._groups.popleft()
                self._held -= oldest.end - oldest.start

    def after(self, position: int) -> Sequence[Recorded[Event]] | None:
        """Return all events after this position; None: some are not kept."""
        groups: list[_Group] = []
        with self._lock:
            for group in reversed(self._groups):
                if group.end <= position:
                    break
                groups.append(group)
        if not groups or groups[-1].start > position:
            return None
        events = [event for group in reversed(groups) for event in group.events()]
        if len(events) < groups[0].end - groups[-1].start:  # gaps may hold others' events
            return None
        return (
            events
            if groups[-1].start == position
            else [event for event in events if event.position > position]
        )


class _Group:
    """The events of one commit."""

    def __init__(self, committed: Sequence[_Committed]) -> None:
        events, _, stored = committed[0]
        self.start = stored.position - events
        self.end = committed[-1][2].position
        self._committed = committed
        self._events: Sequence[Recorded[Event]] | None = None

    def events(self) -> Sequence[Recorded[Event]]:
        """Return the events, made at the first call; two threads at once make equal lists."""
        committed = self._committed  # read first: another thread clears it last
        made = self._events
        if made is None:
            made = self._events = [
                one
                for _, turn, stored in committed
                for task in turn.stored
                for one in _recorded(task, stored.position - stored.version)
            ]
            self._committed = ()
        return made


def _recorded(task: Task, ahead: int) -> list[Recorded[Event]]:
    """Return a command's events; positions are `ahead` of the aggregate's versions."""
    command, (who, session, _) = task.command.stored_as, task.sender
    return [
        Recorded(
            event,
            task.aggregate,
            version,
            version + ahead,
            task.time,
            who,
            session,
            command,
            task.id,
            task.metadata,
            task.report,
            task.rules_revision,
        )
        for version, event in enumerate(task.events, task.version - len(task.events) + 1)
    ]
