"""A cache of each sender's moved unseen events, kept for the sender's next command.

A missing view is computed again, with the same result; see `unseen`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.step import Step
    from comity.engine.messages.message import Event, Message

Unseen: TypeAlias = "list[tuple[Happened[Event], Message]]"
"""Events that a sender has not seen, each moved over the sender's own commands in flight."""

Log: TypeAlias = "Sequence[Happened[Event]]"

LogAfter: TypeAlias = "Callable[[int], Sequence[Happened[Event]]]"
"""Returns all events after a version."""


class View(NamedTuple):
    """A sender's moved unseen events at one version of the aggregate."""

    seen: int
    """The view is valid for a sender that has seen this version or a later one."""
    version: int
    """The aggregate's version that the view includes."""
    dropped: int
    """How many commands dropped at that version the view includes."""
    unseen: Unseen


class Views:
    """The views of one aggregate's senders. They are valid as long as its history only grows."""

    MOST = 128
    """The most views that are kept; beyond that, the least recently used one is dropped."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[int, str], View] = OrderedDict()

    def take(self, step: Step, session: str) -> View | None:
        """Remove and return the view of a step and session; None if there is none."""
        return self._views.pop((id(step.function), session), None)  # may be unhashable

    def keep(self, step: Step, session: str, view: View) -> None:
        """Keep the view as the newest."""
        self._views[id(step.function), session] = view
        if len(self._views) > self.MOST:
            self._views.popitem(last=False)


class Past:
    """The history that `transform` may need beyond the clash's own events."""

    __slots__ = ("log", "views")

    def __init__(self, views: Views, log: LogAfter) -> None:
        self.views = views
        self.log = log
        """Returns all events after a version, from the aggregate's first event if needed."""
