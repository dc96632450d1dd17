"""Reads a domain's models from another process, from the same tables: no server, no copying."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, cast

from comity.actors.projecting.models import check_models, model_of
from comity.actors.reading.access import After
from comity.actors.reading.foreign_model import ForeignModel
from comity.actors.reading.lookout import Lookout
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.arguments import check_path, check_seconds
from comity.engine.errors import Closed, Forked, WiringError
from comity.engine.journal.opener import Place, opener_of
from comity.engine.runtime.system import Lock
from comity.readmodels.generations.model_folder import ModelFolder, models_folder
from comity.readmodels.generations.reader import Reader
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.reading.watch import Watch
    from comity.actors.runtime.pending import Pending
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.opener import JournalOpener
    from comity.readmodels.tables.query import Selection
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.row import Row

M = TypeVar("M", bound="AnyReadModel")
R = TypeVar("R", bound="Row")


class ReadModels:
    """The models of a domain that is open in another process, or in none.

    Use it from any thread and event loop. After a swap it reads the new generation. A reading
    process may die at any moment. A process that hangs with a snapshot only makes the model's file
    grow, until the domain goes on with a compact copy.

    Example:
        with ReadModels.open("team.db", [Cards]) as models:
            with models.read(Cards, after=position) as cards:
                print(cards.by_assignee["ann"].list())
    """

    def __init__(
        self,
        opener: JournalOpener,
        models: Sequence[type[AnyReadModel]],
        folder: Path | None,
        snapshot: float,
        runtime: Runtime = THREADS,
    ) -> None:
        check_models(models)
        self._opener = opener
        self._runtime = runtime
        self._journal: Journal | None = None
        self._lock = Lock()
        self._closed = False
        self._process = os.getpid()
        place, domain = models_folder(opener.path, folder), opener.path if folder is None else None
        self._models = {
            model: ForeignModel(
                runtime,
                Reader(model, ModelFolder(place / model.stored_as), lag=self._lag, domain=domain),
                self._lag,
                self._attend,
            )
            for model in models
        }
        self._lookout = Lookout(runtime, list(self._models.values()), snapshot)

    @classmethod
    def open(
        cls,
        path: Place,
        models: Sequence[type[AnyReadModel]],
        *,
        folder: str | os.PathLike[str] | None = None,
        snapshot: float = 30.0,
    ) -> Self:
        """Open models to read them.

        Args:
            path: the path that the domain was opened with.
            models: the models' classes; their rows must be those that the domain has built.
            folder: the folder of the domain's models, unless it is the default.
            snapshot: seconds that a snapshot may be held.

        Raises:
            WiringError: an item of `models` is not a read model.
            ReadModelError: the place of the models is not a folder.
        """
        opener = opener_of(path)
        place = None if folder is None else check_path(folder, "folder")
        return cls(opener, models, place, check_seconds(snapshot, "snapshot"))

    def read(
        self, model: type[M], *, after: After = None, timeout: float = 1.0, stale: bool = False
    ) -> M:
        """A consistent snapshot of all tables of the model; see `Domain.read`.

        Raises:
            Behind: the model did not reach `after` within `timeout` seconds.
            NotReady: there is nothing to read yet.
        """
        snapshot = self._of(model).access.read(after, timeout, stale=stale)
        self._lookout.keep()
        return snapshot

    def reached(self, model: type[M], after: After, *, timeout: float = 1.0) -> Pending[int]:
        """A pending that is answered when the model includes `after`: await it or call `result`."""
        return self._of(model).access.reached(after, timeout)

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """Watch the rows of a selection: the current rows, then each change."""
        return self._of(model_of(selection, self._models)).access.watch(selection)

    def lag(self, model: type[M]) -> Lag:
        """How far the model is behind the journal.

        Raises:
            NotAJournal: this process cannot see the journal.
        """
        return self._lag(self._of(model).access.reader.checkpoint().position)

    def close(self) -> None:
        """End all snapshots and watches. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._lookout.close()
        for model in self._models.values():
            model.close()
        if self._journal:
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _of(self, model: type[M]) -> ForeignModel[M]:
        if self._closed:
            msg = "these read models are closed; open them again to go on"
            raise Closed(msg)
        if os.getpid() != self._process:
            msg = (
                "this process is a fork of the one that opened the models: open them after forking"
            )
            raise Forked(msg)
        may_be = isinstance(cast("object", model), type)
        found = self._models.get(cast("type[AnyReadModel]", model)) if may_be else None
        if found is None:
            known = ", ".join(one.__name__ for one in self._models) or "none"
            msg = f"{model!r} is not among the models that were opened here ({known})"
            raise WiringError(msg)
        return cast("ForeignModel[M]", found)

    def _attend(self) -> None:
        self._lookout.attend()

    def _lag(self, position: int) -> Lag:
        with self._lock:
            if self._journal is None:
                self._journal = self._opener.open(read_only=True)
        return lag_of(self._journal, position, self._runtime.now())
