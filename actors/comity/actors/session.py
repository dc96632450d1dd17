"""A session: one sender and the versions it has seen. Open one per browser tab or worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from comity.actors.aggregate import Aggregate
from comity.actors.viewer import Viewer
from comity.engine.merging.command import Command
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.assembly.assembly import Assembly
    from comity.engine.merging.decider import Decider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Session(Viewer):
    """A sender's identity, and the version of each aggregate that it has seen last.

    A session's own events always count as seen, so it may send several commands without waiting.
    Events of other senders count as seen only after `aggregate.look()` or `aggregate.saw(version)`.
    A receipt does not make them seen, because the sender's screen still shows the older state.
    """

    def __init__(self, assembly: Assembly, who: str, id: str) -> None:
        super().__init__(who, id)
        self._assembly = assembly

    def aggregate(self, decider: Decider[S, C, E], key: str) -> Aggregate[S, C, E]:
        """The handle of one aggregate, with which this session sends commands.

        Raises:
            Invalid: the key is empty, too long or not UTF-8.
            WiringError: the domain was opened without this decider.
        """
        return Aggregate(self._assembly, decider, self._assembly.identify(decider, key), self)

    def __repr__(self) -> str:
        return f"Session({self.who!r}, {self.id!r})"
