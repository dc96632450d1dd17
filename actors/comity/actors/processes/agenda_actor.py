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
    _reached_end = False

    def step(self) -> float:
        """Take the next batch, and tell the runner."""
        rest = super().step()
        follower = self.keeper.follower
        self._reached_end = self._reached_end or (follower is not None and follower.at_end)
        if self.moved is not None:
            self.moved()
        return rest

    @property
    def is_ready(self) -> bool:
        """Whether the agenda has reached the journal's end since the domain was opened.

        Before, it lists much that is done already.
        """
        return self._reached_end and self.keeper.follower is not None
