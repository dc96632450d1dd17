"""A session: who sends, and what they have seen. One for each browser tab, worker or script."""

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
    """A sender's identity, and which version of each aggregate it was last shown.

    What a session did itself is never unseen to it, so it may send command after command without
    waiting. What others did becomes seen by looking (`aggregate.look()`, `aggregate.saw(version)`)
    and not by a receipt: the person's screen still shows the older state.
    """

    def __init__(self, assembly: Assembly, who: str, id: str) -> None:
        super().__init__(who, id)
        self._assembly = assembly

    def aggregate(self, decider: Decider[S, C, E], key: str) -> Aggregate[S, C, E]:
        """The handle through which this session sends to one aggregate.

        Raises:
            Invalid: the key is empty, too long or not UTF-8.
            WiringError: the domain was opened without this decider.
        """
        return Aggregate(self._assembly, decider, self._assembly.identify(decider, key), self)

    def __repr__(self) -> str:
        return f"Session({self.who!r}, {self.id!r})"
