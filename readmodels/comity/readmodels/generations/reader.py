"""Reads one model in this process: snapshots of the generation that answers, whichever that is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.engine.errors import ModelDamaged, NotReady, ReadModelError, StorageFailed
from comity.engine.runtime.system import Lock, monotonic
from comity.readmodels.generations.model_folder import ModelFolder, describe, open_generation
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.reading import Reading
from comity.readmodels.tables.binding import Binding, Lag
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, STOPPED, Checkpoint, Stopped

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

LOOK = 0.02
"""Seconds between two looks for a newer generation."""


class Reader(Generic[M]):
    """One model, as this process reads it. Use it from any thread.

    In the process that projects, the projector says which generation to read; in others the reader
    follows the folder's `current`. `domain` is the domain's directory, where the folder is in it.
    """

    def __init__(
        self,
        model: type[M],
        folder: ModelFolder,
        *,
        lag: Callable[[int], Lag] | None = None,
        follows: bool = True,
        domain: Path | None = None,
    ) -> None:
        self.model = model
        self.folder = folder
        self._lag = lag
        self._follows = follows
        self._domain = domain
        self._lock = Lock()
        self._looked = 0.0
        self._path: Path | None = None
        self._environment: Environment | None = None
        self._old: list[Environment] = []
        self._complete = False

    def use(self, environment: Environment | None) -> None:
        """Read this generation from now on; snapshots of the one before stay."""
        with self._lock:
            self._use(environment)

    def snapshot(self, *, incomplete: bool = False) -> M:
        """The newest state of all tables.

        Args:
            incomplete: take it also while the model is being built for the first time.

        Raises:
            NotReady: there is none yet.
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
        """How far the model is; the beginning while there is none."""
        try:
            with self.snapshot(incomplete=True) as model:
                return checkpoint_of(model.binding.reading)
        except (NotReady, ModelDamaged):
            return Checkpoint()

    def stopped(self) -> Stopped | None:
        """Where and why it stands, if it does."""
        try:
            with self.snapshot(incomplete=True) as model:
                return stopped_of(model.binding.reading)
        except (NotReady, ModelDamaged):
            return None

    def environment(self) -> Environment | None:
        """The generation that is read now."""
        if self._follows:
            self.look()
        return self._environment

    def look(self) -> None:
        """Follow the folder to a newer generation.

        Raises:
            ReadModelError: the rows there are not those of this program's class.
            StorageFailed: nothing can be opened now, and nothing is.
        """
        with self._lock:
            self._looked = monotonic()
            try:
                self._follow()
            except StorageFailed:
                if self._environment is None:  # else what there is can be read
                    raise

    def _follow(self) -> None:
        if self._environment is not None and self._environment.is_damaged:
            self._use(None)
        while (path := self._next()) is not None:
            try:
                environment = self._open(path)
            except (NotReady, ModelDamaged):
                if self._environment is not None:
                    return  # it is being replaced this moment: look again later
                if self.folder.current() == path:
                    raise
            else:
                self._use(environment)
                self._path = path

    def _next(self) -> Path | None:
        """The generation that answers, where it is not the one that is read."""
        path, now = self.folder.current(), self._environment
        same = path == self._path and now is not None and path is not None and now.is_at(path)
        return None if same else path

    def expire(self, seconds: float) -> int:
        """End the snapshots that are held for longer; how many it were."""
        with self._lock:
            environments = [*self._old, *([self._environment] if self._environment else [])]
            self._old = [each for each in self._old if each.oldest() > 0]
        return sum(each.expire(seconds) for each in environments)

    def close(self) -> None:
        """End all snapshots. Closing twice is harmless."""
        with self._lock:
            environments = [*self._old, *([self._environment] if self._environment else [])]
            self._environment, self._old = None, []
        for each in environments:
            each.close()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._lock = Lock()
        for each in [*self._old, *([self._environment] if self._environment else [])]:
            each.abandon()

    def _why_none(self) -> str:
        """Why there is nothing to read, and what to do."""
        name = self.model.stored_as
        if self._follows and self.folder.current() is None:
            with suppress(OSError):  # a domain that nobody can look for may be there
                if self._domain is not None and not (self._domain / "data.mdb").exists():
                    return f"there is no domain at {self._domain}, and so no {name} to read"
            return (
                f"{name} is not built yet in {self.folder.path}: open the domain with "
                f"read_models=[{self.model.__name__}], or run `comity rebuild`; where its domain "
                "is just being opened, ask again in a moment"
            )
        return f"{name} is not built yet: ask again in a moment"

    def _use(self, environment: Environment | None) -> None:
        old, self._environment = self._environment, environment
        self._complete = False
        if old is not None and old is not environment:
            self._old.append(old)
            old.retire()

    def _open(self, path: Path) -> Environment:
        described = describe(path)
        if not self.model.schema.reads(described):
            msg = (
                f"the rows of {self.model.stored_as} were built by a program with other columns: "
                "start this one again with the newer code, or wait until the domain has built it"
            )
            raise ReadModelError(msg)
        with suppress(FileNotFoundError):
            return open_generation(path, described.tables, map_size=self.model.map_size)
        msg = f"{path} is gone"
        raise NotReady(msg)

    def _check_complete(self, reading: Reading) -> None:
        found = checkpoint_of(reading)
        if not found.complete:
            stopped = stopped_of(reading)
            reading.close()
            msg = (
                f"{self.model.stored_as} is being built and has come to position "
                f"{found.position:,}: ask again later, or read it as it is with stale=True"
            )
            raise NotReady(f"{msg}; {stopped.sentence()}" if stopped else msg)
        self._complete = True


def checkpoint_of(reading: Reading) -> Checkpoint:
    """How far the model is in this snapshot."""
    return Checkpoint.unpack(reading.get(reading.handles[META], CHECKPOINT))


def stopped_of(reading: Reading) -> Stopped | None:
    """Where and why the model stands in this snapshot, if it does."""
    return Stopped.unpack(reading.get(reading.handles[META], STOPPED))
