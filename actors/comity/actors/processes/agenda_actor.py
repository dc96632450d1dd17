"""The projector of an agenda: it tells the runner of its process when there is more to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.actors.processes.agenda import AnyAgenda
from comity.actors.projecting.projector_actor import ProjectorActor

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Callback


class AgendaActor(ProjectorActor[AnyAgenda]):
    """Keeps an agenda up to date."""

    moved: Callback | None = None
    """Called after each batch, on the agenda's thread."""
    _ready: object = None
    """The leader that has reached the journal's end."""

    def step(self) -> float:
        """Take the next batch, and tell the runner."""
        rest = super().step()
        leader = self.keeper.leader
        if leader is not None and leader.follower is not None and leader.follower.at_end:
            self._ready = leader
        if self.moved is not None:
            self.moved()
        return rest

    @property
    def is_ready(self) -> bool:
        """Whether the agenda has reached the journal's end since this domain leads it.

        Before, it lists much that is done already.
        """
        leader = self.keeper.leader
        return leader is not None and self._ready is leader and leader.follower is not None
