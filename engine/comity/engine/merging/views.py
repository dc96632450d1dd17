"""How far a sender's view of what others did was worked out, kept for its next command.

What is kept here is worked out again where it is gone, with the same result: see `unseen`.
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
"""What others did, each as it reads to a sender that has not seen it."""

Log: TypeAlias = "Sequence[Happened[Event]]"

LogAfter: TypeAlias = "Callable[[int], Sequence[Happened[Event]]]"
"""Gives all events after a version."""


class View(NamedTuple):
    """How the unseen events read to a sender at some moment."""

    seen: int
    """It is right for a sender that has seen this version, or a later one."""
    version: int
    """The aggregate's version then."""
    dropped: int
    """How many commands had been dropped at that version."""
    unseen: Unseen


class Views:
    """The views of one aggregate's senders, for as long as its history only grows."""

    MOST = 128
    """Senders that may be in the middle of something; the longest silent are worked out anew."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[int, str], View] = OrderedDict()

    def take(self, step: Step, session: str) -> View | None:
        """The view that was kept, which is then kept no longer."""
        return self._views.pop((id(step.function), session), None)  # it need not hash

    def keep(self, step: Step, session: str, view: View) -> None:
        """Keep it as the newest."""
        self._views[id(step.function), session] = view
        if len(self._views) > self.MOST:
            self._views.popitem(last=False)


class Past:
    """What `transform` may go back to, besides what a clash shows."""

    __slots__ = ("log", "views")

    def __init__(self, views: Views, log: LogAfter) -> None:
        self.views = views
        self.log = log
        """Gives all events after a version, as far back as there are any."""
