"""Leads a model: knows which generation answers, which is being built, and swaps them.

In all processes that have a model open, one leads it. A projector's thread calls it between two
batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.progress import OnProgress
from comity.actors.projecting.rebuild import Rebuild
from comity.engine.errors import (
    ComityError,
    JournalDamaged,
    NotReady,
    ReadModelError,
    StorageFailed,
)
from comity.engine.runtime.system import LONGEST
from comity.readmodels.generations import generations
from comity.readmodels.generations.generations import (
    Generations,
    new_projection,
    open_projection,
    put_away_projection,
)
from comity.readmodels.projecting.lag import has_taken
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage.environment import Environment

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.actors.reading.access import Access
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.files.writer_lock import WriterLock
    from comity.engine.sharing.lease import Lease
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class Leader(Generic[M]):
    """Keeps a model up to date, and lets its newest complete generation answer.

    Args:
        access: lets this process read the model.
        folder: where its generations are.
        lease: the right to lead, which nobody else has; it is released when the leader ends.
        built: called on a rebuild's thread; its receiver must then call `adopt_rebuild`.

    Raises:
        JournalDamaged: the model has events that the journal does not have.
        StorageFailed: the disk is full, or failed.
    """

    WASTE = 64 << 20
    """A file is copied if it takes this many bytes more than four times its contents: a reader
    that hangs makes it grow."""

    def __init__(
        self,
        services: Services,
        access: Access[M],
        folder: ModelFolder,
        lease: Lease | WriterLock,
        routes: ModelRoutes,
        built: Callable[[], None],
    ) -> None:
        self.model = access.reader.model
        self.folder = folder
        self.lease = lease
        self.access = access
        self.paused = False
        """Whether to take no more events."""
        self.rebuild: Rebuild | None = None
        """The rebuild that is under way; None if there is none."""
        self._services = services
        self._routes = routes
        self._built = built
        self._complained = ""
        reader, read = access.reader, access.reader.opened
        elsewhere = reader.follows and read is not None and read.path.parent != folder.path
        found = generations.found(self.model, folder, read, answered=elsewhere)
        try:
            self._check_journal(found)
        except BaseException:
            _close(found, read)
            raise
        if not elsewhere or found.current is not None:  # else the other tables answer meanwhile
            reader.use(found.answers)
        self.follower = self._following(found.current) if found.current else None
        """The follower of the answering generation; None if no generation answers, or if an older
        program wrote it."""
        self._found = found.building
        if not reader.follows:
            access.waiters.reached(reader.checkpoint().position)

    def start(self) -> None:
        """Continue the rebuild that was found, if there is one."""
        if self._found is not None:
            self._start(self._found, None)

    def pause(self) -> None:
        """Take no more events, and pause the rebuild, if there is one."""
        self.paused = True
        if self.rebuild:
            self.rebuild.pause()

    def go_on(self) -> None:
        """Take events again, and let the rebuild go on, even if it has failed."""
        self.paused = False
        if rebuild := self.rebuild:
            rebuild.go_on()

    def replay(self, aggregate: AggregateId | None) -> int:
        """Apply the parked events again; returns how many were applied."""
        return self.follower.replay(aggregate) if self.follower else 0

    def drop(self, aggregate: AggregateId) -> int:
        """Drop an aggregate's parked events; returns how many."""
        return self.follower.drop(aggregate) if self.follower else 0

    def let_go(self) -> None:
        """Flush everything and close it. Call it when nothing projects any more."""
        if self.rebuild:
            self.rebuild.end(LONGEST)
        followers = [one for one in (self.follower, self.rebuild and self.rebuild.follower) if one]
        try:
            for follower in followers:
                try:
                    put_away_projection(follower.projection)
                except ComityError as error:
                    _log.warning("%s", error)
        finally:
            self.lease.release()

    @property
    def complete(self) -> bool:
        """Whether its tables have ever reached the journal's end."""
        return self.follower is not None and self.follower.projection.checkpoint.complete

    def answering(self) -> Environment:
        """The tables of a complete leader."""
        assert self.follower is not None
        return self.follower.projection.environment

    def step_down(self) -> None:
        """Write nothing more, because another process leads. Call it on the projector's thread."""
        rebuild, self.rebuild = self.rebuild, None
        if rebuild is not None:
            rebuild.end(LONGEST)
            rebuild.projection.environment.close()
        self.lease.release()

    def kill(self) -> None:
        """Close everything without flushing it; see `Closing.kill`."""
        for follower in (self.follower, self.rebuild and self.rebuild.follower):
            if follower:
                follower.projection.environment.kill()
        self.lease.release()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        for follower in (self.follower, self.rebuild and self.rebuild.follower):
            if follower:
                follower.projection.environment.abandon()
        self.lease.abandon()

    # --- status -----------------------------------------------------------------------------------

    def error(self) -> str:
        """Why the model or its rebuild does not go on; empty if both do."""
        if self.follower is None:
            return self._rebuild_error()
        beside = self._rebuild_error()
        return _error_of(self.follower) or (f"the rebuild has failed: {beside}" if beside else "")

    def _rebuild_error(self) -> str:
        rebuild = self.rebuild
        return "" if rebuild is None else _error_of(rebuild.follower)

    def why(self, position: int) -> str:
        """Explain why the model has not reached this position."""
        error = _error_of(self.follower) if self.follower else self._rebuild_error()
        if error:
            return error
        if position > (end := self._services.journal.position()):
            return f"the journal ends at position {end:,}"
        return "it is paused" if self.paused else "it is still catching up"

    # --- generations ------------------------------------------------------------------------------

    def begin_rebuild(self, progress: OnProgress | None) -> None:
        """Begin to build a new generation while the current one answers.

        Raises:
            ReadModelError: a rebuild is under way.
        """
        if self.rebuild is not None:
            msg = f"{self.model.stored_as} is being rebuilt already"
            raise ReadModelError(msg)
        self._start(new_projection(self.model, self.folder), progress)

    def _start(self, projection: Projection, progress: OnProgress | None) -> None:
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
        follower = self._following(projection)
        while not (follower.at_end or follower.error):
            follower.step()
        self._swap(follower)

    def _swap(self, follower: ModelFollower) -> None:
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

    def _replace_damaged(self) -> None:
        """Close damaged generations, whichever process noticed; the chores build them anew."""
        reader = self.access.reader
        answers = None if reader.follows else reader.opened
        if answers is not None and answers.is_damaged:
            _log.error("%s is damaged and is built anew", answers.path)
            self.access.reader.use(None)
            self.follower = None
        if self.rebuild is not None and self.rebuild.projection.environment.is_damaged:
            _log.error("%s is damaged and is built anew", self.rebuild.projection.environment.path)
            self._give_up_rebuild()

    def look_after(self) -> None:
        """Rebuild damaged generations, take an offered one, free the slots of dead readers."""
        try:
            self._replace_damaged()
            follower, rebuild = self.follower, self.rebuild
            offered = self.folder.offered()
            if rebuild is not None and rebuild.handed_over:
                self.adopt_rebuild()
            elif offered is not None and (rebuild is None or rebuild.follower.stopped):
                self._take_offer(offered)
            elif follower is not None:
                environment = follower.projection.environment
                self._keep_place(follower)
                environment.note()
                environment.check_readers()
                if rebuild is None and self._wastes(environment):
                    self._compact(follower)
            elif rebuild is None:
                self._start(new_projection(self.model, self.folder), None)
            self._complained = ""
        except (ComityError, OSError) as error:
            if self._complained != str(error):
                _log.warning("%s: %s", self.model.stored_as, error)
            self._complained = str(error)

    def _keep_place(self, follower: ModelFollower) -> None:
        """Answer again, if a leader that hung has let another generation answer or removed this."""
        environment = follower.projection.environment
        try:
            environment.check_place()
        except NotReady as error:
            _log.warning("%s", error)
            self.folder.make()
            self._compact(follower)
        else:
            if self.folder.current() != environment.path:
                self.folder.swap(environment.path)

    def _take_offer(self, path: Path) -> None:
        """Continue with a generation that another program has built."""
        try:
            taken = self._opened_offer(path)
            if taken is not None:
                self._give_up_rebuild()
                self._start(taken, None)
            else:
                self.folder.discard(path)
        except StorageFailed:  # keep the offer until the disk works again
            raise
        except BaseException:
            self.folder.withdraw()
            raise
        self.folder.withdraw()

    def _opened_offer(self, path: Path) -> Projection | None:
        """Open the offered generation; None if it is from another model or another journal."""
        if not generations.fits(self.model, path):
            return None
        projection = open_projection(self.model, path)
        if has_taken(self._services.journal, projection.checkpoint):
            return projection
        projection.environment.close()
        return None

    def _give_up_rebuild(self) -> None:
        """End the rebuild and discard its generation."""
        rebuild, self.rebuild = self.rebuild, None
        if rebuild is not None:
            rebuild.end(0.0)
            environment = rebuild.projection.environment
            environment.close()
            self.folder.discard(environment.path)

    def _wastes(self, environment: Environment) -> bool:
        size = environment.size()
        return size > self.WASTE and size > self.WASTE + 4 * environment.used()

    def _compact(self, follower: ModelFollower) -> None:
        """Go on with a compact copy; the wasted space is freed when the old file's readers end."""
        source = follower.projection.environment
        path = self.folder.copy(source)
        _log.info(
            "%s takes %d bytes and holds %d: copied", source.path, source.size(), source.used()
        )
        copy: Projection | None = None
        try:
            copy = open_projection(self.model, path)
            self._swap(self._following(copy))
        except StorageFailed:  # free the room; another copy is made when the disk works again
            if copy is not None:
                copy.environment.close()
            self.folder.discard(path)
            raise

    # --- inside -----------------------------------------------------------------------------------

    def _following(self, projection: Projection) -> ModelFollower:
        services = self._services
        hub = self.access.hub
        return ModelFollower(
            projection, services.journal, self._routes, services.runtime, hub.tell,
            services.recent.after, hub.reset,
        )  # fmt: skip

    def _check_journal(self, found: Generations) -> None:
        """Check that no generation has events that the journal does not have.

        Raises:
            JournalDamaged: a generation has such events, so the journal has lost some.
        """
        journal = self._services.journal
        for projection in (found.current, found.building):
            if projection is not None and not has_taken(journal, projection.checkpoint):
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


def _error_of(follower: ModelFollower) -> str:
    stopped = follower.projection.stopped
    return stopped.sentence() if stopped else follower.error


def _close(found: Generations, read: Environment | None) -> None:
    """Close what was opened, but not the generation that was `read` before."""
    for projection in (found.current, found.building):
        if projection is not None and projection.environment is not read:
            projection.environment.close()
    if found.answers is not None and found.answers is not read:
        found.answers.close()
