"""Builds a generation of a read model outside of its domain, and hands it over. `comity rebuild`.

Cards/
    beside/             unfinished builds, where no domain looks for generations
        writer.lock     held by the building process
        1/              with one process
            g000001/
        4/              with four processes
            shard-0/ …  until they are merged
            g000001/    merged
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias

from comity.actors.projecting.found_routes import FoundRoutes
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.models import check_models
from comity.actors.projecting.progress import OnProgress, Teller
from comity.engine.arguments import check_path, check_whole
from comity.engine.errors import ComityError, ModelInUse, NotExecuted, ReadModelError
from comity.engine.journal.opener import Place, opener_of
from comity.engine.runtime.system import SYSTEM_CLOCK, Flag
from comity.readmodels.generations.generations import (
    fits,
    new_projection,
    open_projection,
    put_away_projection,
)
from comity.readmodels.generations.model_folder import ModelFolder, models_folder
from comity.readmodels.generations.versions import Versions
from comity.readmodels.projecting.lag import has_taken

if TYPE_CHECKING:
    from types import TracebackType

    from comity.engine.files.writer_lock import WriterLock
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.opener import JournalOpener
    from comity.engine.merging.decider import AggregateType
    from comity.readmodels.projecting.projection import Projection
    from comity.readmodels.tables.read_model import AnyReadModel

BESIDE: Final = "beside"
"""The folder inside a model's folder for builds outside of its domain."""

HandedOver: TypeAlias = Literal["swapped", "taken", "offered"]
"""`swapped`: no domain had the model open, so this process swapped. `taken`: the domain that has it
open answers from the new generation now. `offered`: that domain was asked to take the generation,
and the call stopped waiting."""

_LOOK: Final = 0.05
"""Seconds between two checks whether a domain has taken the offered generation."""


class Build:
    """A new generation of a model, built in this process. It only reads the journal.

    A domain that has the model open goes on answering meanwhile, and then takes the new generation
    over. Closing a build before its end loses nothing: the next build continues it.

    Example:
        with Build.open("team.db", Cards) as build:
            build.go_on()
            build.hand_over()
    """

    def __init__(
        self,
        opener: JournalOpener,
        model: type[AnyReadModel],
        folder: ModelFolder,
        routes: FoundRoutes,
        processes: int | None,
    ) -> None:
        self.opener = opener
        self.model = model
        self.folder = folder
        self.routes = routes
        self.journal = opener.open(read_only=True)
        self._lock: WriterLock | None = None
        self._built: Path | None = None
        self.parked = 0
        """How many events are parked so far."""
        try:
            folder.make()
            beside = folder.inside(BESIDE)
            beside.make()
            self._lock = _locked(beside, model)
            beside.sweep()
            begun = sorted(int(name) for name in beside.insides() if name.isdecimal())
            self.processes = processes or (begun[0] if begun else 1)
            self.given_up = [number for number in begun if number != self.processes]
            """Unfinished builds with other numbers of processes; they are removed."""
            for number in self.given_up:
                beside.discard(beside.path / str(number))
            self.beside = beside.inside(str(self.processes))
            self.beside.make()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls,
        path: Place,
        model: type[AnyReadModel],
        *,
        deciders: Iterable[AggregateType] | None = None,
        folder: str | os.PathLike[str] | None = None,
        processes: int | None = None,
    ) -> Self:
        """Begin a build, or continue an unfinished one.

        Args:
            path: the path that the domain is opened with.
            model: the model's class.
            deciders: the domain's deciders of the model's events; by default, the deciders found
                in the modules of the model and of its events.
            folder: the folder of the domain's models, unless it is the default.
            processes: the number of processes, see `parallel_build`; by default, that of the
                unfinished build. An unfinished build with another number is given up.

        Raises:
            WiringError: no decider has some of the model's events.
            ModelInUse: another process is building the model; the text names it.
            NotAJournal: there is no journal at this path.
        """
        check_models([model])
        routes = FoundRoutes.by(model, deciders)
        opener = opener_of(path)
        place = models_folder(opener.path, None if folder is None else check_path(folder, "folder"))
        if processes is not None:
            check_whole(processes, "processes", 1)
        return cls(opener, model, ModelFolder(place / model.stored_as), routes, processes)

    def go_on(self, progress: OnProgress | None = None, stop: Flag | None = None) -> bool:
        """Build up to the journal's end; False if `stop` was set before the end.

        Raises:
            ReadModelError: `project` failed on an event; the build up to that event is kept.
            StorageFailed: the disk is full, or failed.
        """
        projection = self._projection()
        teller = self.teller(progress, projection.environment.path)
        try:
            follower = ModelFollower(projection, self.journal, self.routes, SYSTEM_CLOCK)
            stop = stop or Flag()
            done = go_through(follower, stop, teller.tell)
            self.parked = len(projection.parked())
        finally:
            teller.pause()
            put_away_projection(projection)
        self._built = projection.environment.path if done else None
        return done

    def hand_over(self, stop: Flag | None = None) -> HandedOver:
        """Let the new generation answer: swap it here, or offer it to the open domain and wait.

        Raises:
            ReadModelError: the domain has refused it, because its model is not the same; or
                nothing is built yet.
        """
        if self._built is None:
            msg = "nothing is built yet: call go_on first"
            raise ReadModelError(msg)
        stop = stop or Flag()
        home = self._home()
        path, self._built = home.take(self._built), None
        identity = _identity(path)
        self.folder.inside(BESIDE).discard(self.beside.path)
        offered = False
        while True:
            current = home.current()
            if current is not None and _identity(current) == identity:
                return "taken"
            if _identity(path) != identity:
                msg = (
                    f"the domain has refused the new {self.model.stored_as}: its program has "
                    "another version of the model, or another journal: start it with this code"
                )
                raise ReadModelError(msg)
            try:
                lock = home.lock()
            except ModelInUse:
                if not offered:
                    home.offer(path)
                    offered = True
            else:
                try:
                    self._swap(home, path)
                finally:
                    lock.release()
                return "swapped"
            if stop.wait(_LOOK):
                return "offered"

    def teller(self, progress: OnProgress | None, generation: Path | None = None) -> Teller:
        """What tells the progress of this build, and of this generation to other processes."""
        name = self.model.stored_as
        return Teller(name, self.journal, SYSTEM_CLOCK, progress, generation)

    def close(self) -> None:
        """Close the journal and release the build's lock. Closing twice is harmless."""
        self.journal.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _projection(self) -> Projection:
        return begun_projection(self.model, self.beside, self.journal)

    def _home(self) -> ModelFolder:
        """Return the folder of this version in the domain: the one beside, if it is led there."""
        beside = Versions(self.folder).of(self.model.schema.hash)
        return beside if beside.is_led() else self.folder

    def _swap(self, home: ModelFolder, path: Path) -> None:
        """Let the generation answer. The caller must hold the model's lock."""
        projection = open_projection(self.model, path)
        try:
            go_through(ModelFollower(projection, self.journal, self.routes, SYSTEM_CLOCK), Flag())
            old = home.current()
            home.swap(path)
            if home.offered() is not None:
                home.withdraw()
            if old is not None and old != path:
                home.discard(old)
        finally:
            put_away_projection(projection)


def _locked(beside: ModelFolder, model: type[AnyReadModel]) -> WriterLock:
    try:
        return beside.lock()
    except ModelInUse as error:
        who = str(error).partition(" in process ")[2].partition(": close it")[0]
        msg = f"{model.__name__} is being built already, in process {who or error}"
        raise ModelInUse(msg) from None


# --- following ------------------------------------------------------------------------------------


def go_through(
    follower: ModelFollower, stop: Flag, told: Callable[[int], None] = lambda _: None
) -> bool:
    """Drive a follower to the journal's end; False if `stop` was set before the end.

    It calls `told` with each new position.

    Raises:
        ReadModelError: the model cannot take an event.
        StorageFailed: the disk is full, or failed; unlike a domain this does not try again.
    """
    told(follower.position)
    while not stop.is_set():
        rest = follower.step()
        reason, stopped = follower.reason, follower.projection.stopped
        if follower.stopped and stopped is not None and stopped.error == follower.error:
            raise ReadModelError(f"{follower.projection.model.stored_as} {stopped.sentence()}")
        if follower.stopped or isinstance(reason, NotExecuted):
            if isinstance(reason, ComityError):
                raise reason
            raise ReadModelError(follower.error) from reason
        told(follower.position)
        if follower.at_end and not follower.error:
            return True
        if rest:
            stop.wait(rest)
    return False


def begun_projection(
    model: type[AnyReadModel], folder: ModelFolder, journal: Journal
) -> Projection:
    """Open the unfinished generation in this folder, or a new one; remove unusable generations."""
    folder.sweep()
    for path in folder.generations():
        if fits(model, path):
            projection = open_projection(model, path)
            if has_taken(journal, projection.checkpoint):
                return projection
            projection.environment.close()  # from another journal, or before a backup was restored
        folder.discard(path)
    return new_projection(model, folder)


def begun_beside(folder: ModelFolder) -> list[Path]:
    """The unfinished generations that are built outside of the model's domain."""
    beside = folder.inside(BESIDE)
    builds = [beside.inside(name) for name in beside.insides()]
    shards = [build.inside(name) for build in builds for name in build.insides()]
    return [path for each in (*builds, *shards) for path in each.generations()]


def _identity(path: Path) -> tuple[int, int] | None:
    """The device and inode of a generation's file, which tell generations of one name apart."""
    try:
        found = (path / "data.mdb").lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
