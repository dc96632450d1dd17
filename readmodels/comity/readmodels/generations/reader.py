"""Reads one model in this process: takes snapshots of the generation that answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.engine.errors import ModelDamaged, NotReady, ReadModelError, StorageFailed
from comity.engine.runtime.system import Lock, monotonic
from comity.readmodels.generations.model_folder import ModelFolder, describe, open_generation
from comity.readmodels.generations.versions import Versions
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.reading import Reading
from comity.readmodels.tables.binding import Binding, Lag
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, STOPPED, Checkpoint, Stopped

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

LOOK = 0.02
"""Seconds between two checks for a newer generation."""


class Reader(Generic[M]):
    """Reads one model in this process, from any thread.

    In the process that projects, the projector sets the generation to read, with `use`. In other
    processes the reader follows the folder's `current` link; if there are tables of the class's own
    version, theirs.

    Args:
        model: the model's class.
        folder: the model's folder.
        lag: returns how far a position is behind the journal.
        follows: whether to follow the link, until `use` is called.
        domain: the domain's directory, if the model's folder is inside it.
        builds: whether this process builds the model if the rows that are there have other columns.
    """

    def __init__(
        self,
        model: type[M],
        folder: ModelFolder,
        *,
        lag: Callable[[int], Lag] | None = None,
        follows: bool = True,
        domain: Path | None = None,
        builds: bool = False,
    ) -> None:
        self.model = model
        self.folder = folder
        self._lag = lag
        self._own = Versions(folder).of(model.schema.hash)
        self._follows = follows
        self._domain = domain
        self._builds = builds
        self._lock = Lock()
        self._looked = 0.0
        self._path: Path | None = None
        self._environment: Environment | None = None
        self._old: list[Environment] = []
        self._complete = False

    def use(self, environment: Environment | None) -> None:
        """Read this generation from now on; older snapshots stay valid."""
        with self._lock:
            self._follows = False
            self._path = None if environment is None else environment.path
            self._use(environment)

    def follow(self) -> None:
        """Follow the folder's `current` link from now on, since another process projects."""
        with self._lock:
            self._follows, self._looked = True, 0.0

    def snapshot(self, *, incomplete: bool = False) -> M:
        """Take a snapshot of the newest state of all tables.

        Args:
            incomplete: whether a model that is being built for the first time may be read.

        Raises:
            NotReady: there is no generation that may be read yet.
        """
        if self._follows and monotonic() - self._looked > LOOK:
            self.look()
        while True:
            environment = self._environment
            reading = environment.begin() if environment else None
            if reading is not None:
                break
            if environment is self._environment:
                raise NotReady(self._why_none())
        if not self._complete and not incomplete:
            self._check_complete(reading)
        return self.model.bound(Binding(reading, None, self._lag))

    def checkpoint(self) -> Checkpoint:
        """How far the model is; the beginning if there is no generation."""
        try:
            with self.snapshot(incomplete=True) as model:
                return checkpoint_of(model.binding.reading)
        except (NotReady, ModelDamaged):
            return Checkpoint()

    def stopped(self) -> Stopped | None:
        """Where and why the model has stopped, or None."""
        try:
            with self.snapshot(incomplete=True) as model:
                return stopped_of(model.binding.reading)
        except (NotReady, ModelDamaged):
            return None

    @property
    def follows(self) -> bool:
        """Whether another process writes what is read here."""
        return self._follows

    @property
    def opened(self) -> Environment | None:
        """The generation that was read last, or None; unlike `environment` it does not look."""
        return self._environment

    def environment(self) -> Environment | None:
        """The generation that is read now, or None."""
        if self._follows:
            self.look()
        return self._environment

    def look(self) -> None:
        """Open a newer generation if the folder has one.

        Raises:
            ReadModelError: its rows do not match this program's class.
            StorageFailed: it cannot be opened, and no other generation is open.
        """
        with self._lock:
            self._looked = monotonic()
            try:
                self._follow()
            except StorageFailed:
                if self._environment is None:  # else the open one can still be read
                    raise

    def _follow(self) -> None:
        if self._environment is not None and self._environment.is_damaged:
            self._use(None)
        while (path := self._next()) is not None:
            try:
                environment = self._open(path)
            except (NotReady, ModelDamaged):
                if self._environment is not None:
                    return  # it was just replaced: try again later
                if self._current() == path:
                    raise
            else:
                self._use(environment)
                self._path = path

    def _next(self) -> Path | None:
        """The generation that answers, if another one is open."""
        path, now = self._current(), self._environment
        same = path == self._path and now is not None and path is not None and now.is_at(path)
        return None if same else path

    def _current(self) -> Path | None:
        return self._own.current() or self.folder.current()

    def expire(self, seconds: float) -> int:
        """End the snapshots that are held for longer; returns how many."""
        with self._lock:
            environments = [*self._old, *([self._environment] if self._environment else [])]
            self._old = [each for each in self._old if each.oldest() > 0]
        return sum(each.expire(seconds) for each in environments)

    @property
    def is_held(self) -> bool:
        """Whether a snapshot is open in this process."""
        with self._lock:
            environments = [*self._old, *([self._environment] if self._environment else [])]
        return any(each.oldest() > 0 for each in environments)

    def close(self) -> None:
        """End all snapshots. Closing twice is harmless."""
        with self._lock:
            environments = [*self._old, *([self._environment] if self._environment else [])]
            self._environment, self._old = None, []
        for each in environments:
            each.close()

    def abandon(self) -> None:
        """In a forked child: close nothing, since the parent uses it."""
        self._lock = Lock()
        for each in [*self._old, *([self._environment] if self._environment else [])]:
            each.abandon()

    def _why_none(self) -> str:
        """Why there is no generation to read, and what to do."""
        name = self.model.stored_as
        if self._follows and self._current() is None:
            with suppress(OSError):  # if it cannot be checked, the domain may exist
                if self._domain is not None and not (self._domain / "data.mdb").exists():
                    return f"there is no domain at {self._domain}, so there is no {name} to read"
            return (
                f"{name} is not built yet in {self.folder.path}: open the domain with "
                f"read_models=[{self.model.__name__}], or run `comity rebuild`; if its domain "
                "is just being opened, try again in a moment"
            )
        return f"{name} is not built yet: try again in a moment"

    def _use(self, environment: Environment | None) -> None:
        old, self._environment = self._environment, environment
        self._complete = False
        if old is not None and old is not environment:
            self._old.append(old)
            old.retire()

    def _open(self, path: Path) -> Environment:
        described = describe(path)
        if not self.model.schema.reads(described):
            if self._builds:
                msg = f"{self.model.stored_as} is not built yet for this version of the program"
                raise NotReady(f"{msg}: try again in a moment")
            msg = (
                f"the rows of {self.model.stored_as} were built by a program with other columns: "
                "restart this one with the newer code, or wait until the domain has rebuilt it"
            )
            raise ReadModelError(msg)
        with suppress(FileNotFoundError):
            return open_generation(path, described.tables, map_size=self.model.map_size)
        msg = f"{path} was removed"
        raise NotReady(msg)

    def _check_complete(self, reading: Reading) -> None:
        found = checkpoint_of(reading)
        if not found.complete:
            stopped = stopped_of(reading)
            reading.close()
            msg = (
                f"{self.model.stored_as} is being built and has reached position "
                f"{found.position:,}: try again later, or read it as it is with stale=True"
            )
            raise NotReady(f"{msg}; {stopped.sentence()}" if stopped else msg)
        self._complete = True


def checkpoint_of(reading: Reading) -> Checkpoint:
    """The checkpoint in this snapshot."""
    return Checkpoint.unpack(reading.get(reading.handles[META], CHECKPOINT))


def stopped_of(reading: Reading) -> Stopped | None:
    """Where and why the model has stopped in this snapshot, or None."""
    return Stopped.unpack(reading.get(reading.handles[META], STOPPED))
