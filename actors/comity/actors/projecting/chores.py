"""Looks after the generations of a model, now and then, in the process that leads it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.engine.errors import ComityError, NotReady, StorageFailed
from comity.readmodels.generations import generations
from comity.readmodels.generations.compacting import SAVED
from comity.readmodels.generations.generations import new_projection, open_projection
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage.environment import Environment

if TYPE_CHECKING:
    from comity.actors.projecting.led_generations import LedGenerations
    from comity.actors.projecting.model_follower import ModelFollower
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class Chores(Generic[M]):
    """What must be done again and again for the generations that this process leads."""

    WASTE = 64 << 20
    """A file is copied if it takes this many bytes more than four times its contents: a reader
    that hangs makes it grow."""

    def __init__(self, led: LedGenerations[M]) -> None:
        self._led = led
        self._complained = ""

    def look_after(self) -> None:
        """Rebuild damaged generations, take an offered one, free the slots of dead readers."""
        try:
            self._replace_damaged()
            led = self._led
            follower, rebuild, offered = led.follower, led.rebuild, led.folder.offered()
            if rebuild is not None and rebuild.handed_over:
                led.adopt_rebuild()
            elif offered is not None and (rebuild is None or rebuild.follower.stopped):
                self._take_offer(offered)
            elif follower is not None:
                environment = follower.projection.environment
                self._keep_place(follower)
                environment.note()
                environment.check_readers()
                if rebuild is None:
                    self._save_room(follower)
            elif rebuild is None:
                led.build(new_projection(led.model, led.folder), None)
            self._complained = ""
        except (ComityError, OSError) as error:
            if self._complained != str(error):
                _log.warning("%s: %s", self._led.model.stored_as, error)
            self._complained = str(error)

    def _replace_damaged(self) -> None:
        """Close damaged generations, whichever process noticed; the chores build them anew."""
        led, reader = self._led, self._led.access.reader
        answers = None if reader.follows else reader.opened
        if answers is not None and answers.is_damaged:
            _log.error("%s is damaged and is built anew", answers.path)
            reader.use(None)
            led.follower = None
        built = led.rebuild.projection.environment if led.rebuild is not None else None
        if built is not None and built.is_damaged:
            _log.error("%s is damaged and is built anew", built.path)
            led.give_up_rebuild()

    def _keep_place(self, follower: ModelFollower) -> None:
        """Answer again, if a leader that hung has let another generation answer or removed this."""
        environment, folder = follower.projection.environment, self._led.folder
        try:
            environment.check_place()
        except NotReady as error:
            _log.warning("%s", error)
            folder.make()
            self._compact(follower)
        else:
            if folder.current() != environment.path:
                folder.swap(environment.path)

    def _take_offer(self, path: Path) -> None:
        """Continue with a generation that another program has built."""
        folder = self._led.folder
        try:
            taken = self._opened_offer(path)
            if taken is not None:
                self._led.give_up_rebuild()
                self._led.build(taken, None)
            else:
                folder.discard(path)
        except StorageFailed:  # keep the offer until the disk works again
            raise
        except BaseException:
            folder.withdraw()
            raise
        folder.withdraw()

    def _opened_offer(self, path: Path) -> Projection | None:
        """Open the offered generation; None if it is from another model or another journal."""
        if not generations.fits(self._led.model, path):
            return None
        projection = open_projection(self._led.model, path)
        if self._led.has_taken(projection):
            return projection
        projection.environment.close()
        return None

    def _save_room(self, follower: ModelFollower) -> None:
        """Go on with a compact copy, if the file is much too large, or if somebody asks for it."""
        environment, folder = follower.projection.environment, self._led.folder
        asked = folder.is_asked()
        try:
            if self._wastes(environment) or (asked and environment.room().free >= SAVED):
                self._compact(follower)
        finally:
            if asked:
                folder.answer()

    def _wastes(self, environment: Environment) -> bool:
        size = environment.size()
        return size > self.WASTE and size > self.WASTE + 4 * environment.used()

    def _compact(self, follower: ModelFollower) -> None:
        """Go on with a compact copy; the wasted space is freed when the old file's readers end."""
        source, folder = follower.projection.environment, self._led.folder
        path = folder.copy(source)
        _log.info(
            "%s takes %d bytes and holds %d: copied", source.path, source.size(), source.used()
        )
        copy: Projection | None = None
        try:
            copy = open_projection(self._led.model, path)
            self._led.swap(self._led.following(copy))
        except StorageFailed:  # free the room; another copy is made when the disk works again
            if copy is not None:
                copy.environment.close()
            folder.discard(path)
            raise
