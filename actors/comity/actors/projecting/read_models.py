"""Reading a domain's models from any other process: no server, no copying, the same tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar, cast

from comity.actors.projecting.models import check_models, model_of
from comity.actors.reading.access import Access, After
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.arguments import check_path, check_seconds
from comity.engine.errors import Closed, ComityError, Forked, WiringError
from comity.engine.journal.opener import Place, opener_of
from comity.engine.runtime.system import Lock
from comity.readmodels.generations.model_folder import ModelFolder, models_folder
from comity.readmodels.generations.reader import Reader, checkpoint_of
from comity.readmodels.projecting.change_log import changes_after
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.reading.watch import Watch
    from comity.actors.runtime.pending import Pending
    from comity.actors.runtime.runtime import Runtime, Timer
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.opener import JournalOpener
    from comity.readmodels.storage.environment import Environment
    from comity.readmodels.tables.query import Selection
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.row import Row

M = TypeVar("M", bound="AnyReadModel")
R = TypeVar("R", bound="Row")

_log = logging.getLogger("comity")


class ReadModels:
    """The models of a domain that another process has open, or that none has.

    Use it from any thread and event loop. It follows when a model is built anew. A process that
    reads may die at any moment; one that hangs with a snapshot harms nobody but makes files grow,
    until the model is copied and goes on without it.

    Example:
        with ReadModels.open("team.db", [Cards]) as models:
            with models.read(Cards, after=position) as cards:
                print(cards.by_assignee["ann"].list())
    """

    POLL: Final = (0.0005, 0.01, 0.25)
    """Seconds between two looks: while somebody waits for a position, watches, or does neither."""
    KEEP: Final = 1.0
    """Seconds between two rounds that end snapshots which are held for too long."""

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
        self._snapshot = snapshot
        self._journal: Journal | None = None
        self._runtime = runtime
        self._timers = runtime.timers("comity-read-models")
        self._next_look: Timer | None = None
        self._keep_at = 0.0
        self._lock = Lock()
        self._closed = False
        self._process = os.getpid()
        place, domain = models_folder(opener.path, folder), opener.path if folder is None else None
        self._followers = {
            model: _Follower(
                runtime,
                Reader(model, ModelFolder(place / model.stored_as), lag=self._lag, domain=domain),
                self._lag,
                self._look_soon,
            )
            for model in models
        }

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
            path: the one that the domain was opened with.
            models: the classes; their rows must be those that the domain has built.
            folder: where the domain keeps its models, if it was told another place.
            snapshot: seconds that a snapshot may be held.

        Raises:
            WiringError: something in the list is no read model.
            ReadModelError: what stands where its models should be is no folder.
        """
        opener = opener_of(path)
        place = None if folder is None else check_path(folder, "folder")
        return cls(opener, models, place, check_seconds(snapshot, "snapshot"))

    def read(
        self, model: type[M], *, after: After = None, timeout: float = 1.0, stale: bool = False
    ) -> M:
        """A consistent snapshot of all tables of the model; see `Domain.read`.

        Raises:
            Behind: it has not come to `after` within `timeout` seconds.
            NotReady: there is nothing to read yet.
        """
        access = self._of(model).access
        self._watch_over()
        return access.read(after, timeout, stale=stale)

    def reached(self, model: type[M], after: After, *, timeout: float = 1.0) -> Pending[int]:
        """Answered once the model has the position: `await` it, or call `.result()`."""
        access = self._of(model).access
        self._watch_over()
        return access.reached(after, timeout)

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """The rows of a selection as they are, then each change as it comes."""
        follower = self._of(model_of(selection, self._followers))
        self._watch_over()
        watch = follower.watch(selection)
        self._look_soon()
        return watch

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
        self._timers.stop(5.0)
        for follower in self._followers.values():
            follower.close()
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

    def _of(self, model: type[M]) -> _Follower[M]:
        if self._closed:
            msg = "these read models are closed; open them again to go on"
            raise Closed(msg)
        if os.getpid() != self._process:
            msg = (
                "this process is a fork of the one that opened the models: open them after forking"
            )
            raise Forked(msg)
        may_be = isinstance(cast("object", model), type)
        follower = self._followers.get(cast("type[AnyReadModel]", model)) if may_be else None
        if follower is None:
            known = ", ".join(one.__name__ for one in self._followers) or "none"
            msg = f"{model!r} is not among the models that were opened here ({known})"
            raise WiringError(msg)
        return cast("_Follower[M]", follower)

    def _lag(self, position: int) -> Lag:
        with self._lock:
            if self._journal is None:
                self._journal = self._opener.open(read_only=True)
        return lag_of(self._journal, position, self._runtime.now())

    def _watch_over(self) -> None:
        """Look for changes, and end what is held for too long, from now on."""
        if self._next_look is None:
            self._look_soon()

    def _look_soon(self) -> None:
        self._look_in(0.0)

    def _look_in(self, seconds: float) -> None:
        with self._lock:
            if self._next_look is not None:
                self._next_look.cancel()
            self._next_look = self._timers.call_later(seconds, self._look)

    def _look(self) -> None:
        for follower in self._followers.values():
            try:
                follower.look()
            except BaseException as error:  # whoever waits or watches needs the next look
                follower.complain(error)
        now = self._runtime.monotonic()
        if now >= self._keep_at:
            self._keep_at = now + self.KEEP
            for follower in self._followers.values():
                attempt(partial(follower.end_snapshots, self._snapshot))
        self._look_in(self._patience())

    def _patience(self) -> float:
        accesses = [one.access for one in self._followers.values()]
        if any(access.waiters for access in accesses):
            return self.POLL[0]
        return self.POLL[1] if any(access.hub for access in accesses) else self.POLL[2]


class _Follower(Generic[M]):
    """One model, as this process follows it."""

    def __init__(
        self,
        runtime: Runtime,
        reader: Reader[M],
        lag: Callable[[int], Lag],
        wanted: Callable[[], None],
    ) -> None:
        self.access = Access(
            runtime, reader, lambda position: _standing(reader, lag, position), wanted
        )
        self._codecs = {table.name: table.codec for table in reader.model.schema.tables}
        self._environment: Environment | None = None
        self._transaction = -1
        self._commit = 0
        self._said = ""
        self._looking = Lock()

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """Watch, and have changes told from now on."""
        with self._looking:
            self._look()  # or else it would be told as new what it will see at first
            if self._transaction < 0:
                self._begin()
            return self.access.watch(selection)

    def look(self) -> None:
        """Tell who waits or watches what has changed since the last look."""
        with self._looking:
            self._look()

    def _begin(self) -> None:
        environment = self.access.reader.environment()
        if environment is not None and not environment.is_retired:
            with self.access.reader.snapshot(incomplete=True) as model:
                reading = model.binding.reading
                self._environment, self._transaction = environment, reading.number
                checkpoint = checkpoint_of(reading)
            self._commit = checkpoint.commits
            self.access.waiters.reached(checkpoint.position)  # no later look would tell it

    def _look(self) -> None:
        access = self.access
        access.waiters.expire(access.behind)
        if not (access.waiters or access.hub):
            self._transaction = -1
            return
        environment = access.reader.environment()
        if environment is None or environment.is_retired:
            return
        swapped = environment is not self._environment
        if environment.last_transaction() == self._transaction and not swapped:
            return
        looked_before = self._transaction >= 0 and not swapped
        with access.reader.snapshot(incomplete=True) as model:
            reading = model.binding.reading
            transaction, checkpoint = reading.number, checkpoint_of(reading)
            changes = changes_after(reading, self._commit, self._codecs) if looked_before else None
            if changes is None:
                access.hub.reset()
            else:
                for batch in changes:
                    access.hub.tell(batch)
        self._environment, self._transaction = environment, transaction
        self._commit = checkpoint.commits
        access.waiters.reached(checkpoint.position)
        self._said = ""

    def end_snapshots(self, held: float) -> None:
        """End those that were held for so many seconds."""
        self.access.reader.expire(held)

    def complain(self, error: BaseException) -> None:
        """Say once what keeps it from looking."""
        if str(error) != self._said:
            self._said = str(error)
            _log.warning("%s cannot be followed: %s", self.access.reader.model.stored_as, error)

    def close(self) -> None:
        """End snapshots, watches and waiting."""
        self.access.hub.close()
        self.access.waiters.close(self.access.behind)
        self.access.reader.close()


def _standing(reader: Reader[M], lag: Callable[[int], Lag], position: int) -> str:
    stopped = reader.stopped()
    if stopped:
        return stopped.sentence()
    with suppress(ComityError):  # the journal may be none of this process's business
        if position > (end := lag(0).events):
            return f"the journal ends at position {end:,}"
    return "it is catching up, or its domain is not running"
