"""The newest events, as they were decided, so that nobody has to read them back from the journal.

Reading an event back costs 20 µs, for each read model again; these are made once, for all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Decided
    from comity.engine.journal.result import Stored


class Recent:
    """Events without a gap, up to the last one that this domain has committed.

    The committer adds, and anybody reads. Where another domain has committed in between, it begins
    again after that.
    """

    MOST: Final = 8_192
    """Events that are kept; who is further behind reads the journal."""

    def __init__(self) -> None:
        self.wanted = False
        """Whether anybody reads them; before that nothing is kept."""
        self._lock = Lock()
        self._groups: deque[_Group] = deque()
        self._held = 0

    def add(self, answered: Sequence[tuple[Decided, Stored | None]]) -> None:
        """These are durable, in this order; those without events are left out."""
        if not self.wanted:
            return
        committed = [(one, stored) for one, stored in answered if one.events and stored]
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
        """All events after this position that were committed here; None: not all are kept."""
        groups: list[_Group] = []
        with self._lock:
            for group in reversed(self._groups):
                if group.end <= position:
                    break
                groups.append(group)
        if not groups or groups[-1].start > position:
            return None
        events = [event for group in reversed(groups) for event in group.events()]
        return (
            events
            if groups[-1].start == position
            else [event for event in events if event.position > position]
        )


class _Group:
    """What one commit has stored."""

    def __init__(self, committed: Sequence[tuple[Decided, Stored]]) -> None:
        first, stored = committed[0]
        self.start = stored.position - len(first.events)
        self.end = committed[-1][1].position
        self._committed: Sequence[tuple[Decided, Stored]] = committed
        self._events: Sequence[Recorded[Event]] | None = None

    def events(self) -> Sequence[Recorded[Event]]:
        """Made when first asked for; two who ask at once make the same."""
        committed = self._committed  # taken first: another thread lets go of it last
        made = self._events
        if made is None:
            made = self._events = [one for pair in committed for one in _recorded(*pair)]
            self._committed = ()
        return made


def _recorded(decided: Decided, stored: Stored) -> list[Recorded[Event]]:
    entry, task, many = decided.entry, decided.task, len(decided.events)
    assert entry is not None
    return [
        Recorded(
            event,
            decided.actor.id,
            stored.version - many + offset,
            stored.position - many + offset,
            entry.time,
            task.sender.who,
            task.sender.session,
            type(task.command).__name__,
            entry.command_id,
            task.metadata,
            decided.report,
        )
        for offset, event in enumerate(decided.events, 1)
    ]
