"""The generations of a model that this process leads: which answers, which is built, their swap."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.progress import OnProgress
from comity.actors.projecting.rebuild import Rebuild
from comity.engine.errors import JournalDamaged, ReadModelError, StorageFailed
from comity.readmodels.generations import generations
from comity.readmodels.generations.generations import Generations, new_projection
from comity.readmodels.generations.reader import checkpoint_of
from comity.readmodels.projecting.lag import has_taken
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path

    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.actors.reading.access import Access
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class LedGenerations(Generic[M]):
    """The generation that answers, and the one that is being built.

    Args:
        access: lets this process read the model.
        folder: where the generations are.
        built: called on a rebuild's thread; its receiver must then call `adopt_rebuild`.

    Raises:
        JournalDamaged: the model has events that the journal does not have.
        StorageFailed: the disk is full, or failed.
    """

    def __init__(
        self,
        services: Services,
        access: Access[M],
        folder: ModelFolder,
        routes: ModelRoutes,
        built: Callable[[], None],
    ) -> None:
        self.model = access.reader.model
        self.folder = folder
        self.access = access
        self.rebuild: Rebuild | None = None
        """The rebuild that is under way; None if there is none."""
        self._services = services
        self._routes = routes
        self._built = built
        reader, read = access.reader, access.reader.opened
        elsewhere = reader.follows and read is not None and read.path.parent != folder.path
        found = self._find(read, answered=elsewhere)
        if not elsewhere or found.current is not None:  # else the other tables answer meanwhile
            reader.use(found.answers)
        self.follower = self.following(found.current) if found.current else None
        """The follower of the answering generation; None if no generation answers, or if an older
        program wrote it."""
        self._found = found.building
        if not reader.follows:
            access.waiters.reached(reader.checkpoint().position)

    def start(self) -> None:
        """Continue the rebuild that was found, if there is one."""
        if self._found is not None:
            self.build(self._found, None)

    def followers(self) -> list[ModelFollower]:
        """The followers of both generations, as far as there are any."""
        return [one for one in (self.follower, self.rebuild and self.rebuild.follower) if one]

    def begin_rebuild(self, progress: OnProgress | None) -> None:
        """Begin to build a new generation while the current one answers.

        Raises:
            ReadModelError: a rebuild is under way.
        """
        if self.rebuild is not None:
            msg = f"{self.model.stored_as} is being rebuilt already"
            raise ReadModelError(msg)
        self.build(new_projection(self.model, self.folder), progress)

    def build(self, projection: Projection, progress: OnProgress | None) -> None:
        """Fill this generation on a thread of its own, beside the one that answers."""
        self.rebuild = Rebuild(
            self._services,
            projection,
            self._routes,
            lambda _: self._built(),
            progress,
        )
        self.rebuild.wake()

    def adopt_rebuild(self) -> None:
        """Let the rebuilt generation answer, if the rebuild is done."""
        rebuild = self.rebuild
        if rebuild is None or not rebuild.handed_over:
            return
        rebuild.end(0.0)
        try:
            self._adopt(rebuild.projection)
        except StorageFailed as error:  # the chores try again
            _log.error("the new %s cannot answer yet: %s", self.model.stored_as, error)
            return
        except BaseException:
            self.rebuild = None
            raise
        self.rebuild = None  # after the swap: when a reader sees None, the new generation answers

    def _adopt(self, projection: Projection) -> None:
        """Bring this generation to the journal's end, then let it answer."""
        follower = self.following(projection)
        while not (follower.at_end or follower.error):
            follower.step()
        self.swap(follower)

    def swap(self, follower: ModelFollower) -> None:
        """Let this follower's generation answer, and discard the one that answered."""
        old = self.folder.current()
        path = follower.projection.environment.path
        reader = self.access.reader
        if reader.follows:
            reader.use(reader.opened)  # readers are not to open a generation that is open here
        self.folder.swap(path)
        self.follower = follower
        self.access.reader.use(follower.projection.environment)
        if old is not None and old != path:
            self.folder.discard(old)
        self.access.hub.reset()
        self.access.waiters.reached(follower.position)
        _log.info("%s answers from %s now", self.model.stored_as, path.name)

    def give_up_rebuild(self) -> None:
        """End the rebuild and discard its generation."""
        rebuild, self.rebuild = self.rebuild, None
        if rebuild is not None:
            rebuild.end(0.0)
            environment = rebuild.projection.environment
            environment.close()
            self.folder.discard(environment.path)

    def following(self, projection: Projection) -> ModelFollower:
        """Return a follower that keeps this generation up to date."""
        services = self._services
        hub = self.access.hub
        return ModelFollower(
            projection, services.journal, self._routes, services.runtime, hub.tell,
            services.recent.after, hub.reset,
        )  # fmt: skip

    def has_taken(self, projection: Projection) -> bool:
        """Whether the journal has all events that this generation has taken."""
        return has_taken(self._services.journal, projection.checkpoint)

    def _find(self, read: Environment | None, *, answered: bool) -> Generations:
        """Find the generations, after removing those with events that a restored journal lacks."""
        while True:
            found = generations.found(self.model, self.folder, read, answered=answered)
            try:
                lost = self._lost(found)
                if not lost:
                    self._check_journal(found)
                    return found
            except BaseException:
                _close(found, read)
                raise
            _close(found, read)
            for path in lost:
                self.folder.discard(path)

    def _lost(self, found: Generations) -> Sequence[Path]:
        """The generations with events of a branch that a restore has cut off."""
        lineage = self._services.journal.lineage()
        lost: list[Path] = []
        building = None if found.building is None else found.building.environment
        for environment in (found.answers, building):
            if environment is None:
                continue
            with environment.reading() as reading:
                position, branch = (now := checkpoint_of(reading)).position, now.branch
            if position and (why := lineage.why_lost(branch, position)):
                _log.warning(
                    "%s has taken position %d: %s; the model is rebuilt",
                    environment.path, position, why,
                )  # fmt: skip
                lost.append(environment.path)
        return lost

    def _check_journal(self, found: Generations) -> None:
        """Check that no generation has events that the journal does not have.

        Raises:
            JournalDamaged: a generation has such events, so the journal has lost some.
        """
        journal = self._services.journal
        for projection in (found.current, found.building):
            if projection is not None and not self.has_taken(projection):
                end, position = journal.position(), projection.checkpoint.position
                lost = "events that were durable are missing"
                if position <= end:
                    lost = "the event there is another one now"
                msg = (
                    f"the journal ends at position {end:,}, and {self.model.stored_as} has taken "
                    f"position {position:,}: {lost}; if an older backup was restored on purpose, "
                    f"or another journal, delete {self.folder.path}"
                )
                raise JournalDamaged(msg)


def _close(found: Generations, read: Environment | None) -> None:
    """Close what was opened, but not the generation that was `read` before."""
    for projection in (found.current, found.building):
        if projection is not None and projection.environment is not read:
            projection.environment.close()
    if found.answers is not None and found.answers is not read:
        found.answers.close()
