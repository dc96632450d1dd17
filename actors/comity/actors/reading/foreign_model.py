"""A model that another process writes: finds its changes, and tells watches and readers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.reading.access import Access
from comity.engine.errors import ComityError
from comity.engine.runtime.system import Lock
from comity.readmodels.generations.reader import Reader, checkpoint_of
from comity.readmodels.projecting.change_log import changes_after

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.readmodels.storage.environment import Environment
    from comity.readmodels.tables.binding import Lag
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class ForeignModel(Generic[M]):
    """One model that another process writes; it does nothing while this process writes it.

    Args:
        runtime: the runtime of the waiting threads.
        reader: takes the snapshots.
        lag: returns how far a position is behind the journal.
        attend: called when a thread begins to wait or to watch, so that the lookout looks.
        access: the access of a model that this process may also lead; by default a new one.
    """

    def __init__(
        self,
        runtime: Runtime,
        reader: Reader[M],
        lag: Callable[[int], Lag],
        attend: Callable[[], None],
        access: Access[M] | None = None,
    ) -> None:
        self.access = access or Access(runtime, reader, self)
        self._lag = lag
        self._attend = attend
        self._codecs = {table.name: table.codec for table in reader.model.schema.tables}
        self._environment: Environment | None = None
        self._transaction = -1
        self._commit = 0
        self._said = ""
        self._looking = Lock()

    def why(self, position: int) -> str:
        """Explain why the model has not reached this position."""
        return _standing(self.access.reader, self._lag, position)

    def wanted(self) -> None:
        """Look soon, because a thread has begun to wait or to watch."""
        self._attend()

    @contextmanager
    def watching(self) -> Generator[None]:
        """A watch is made inside this block; `look` passes changes on from then on."""
        with self._looking:
            self._look()  # otherwise the watch would get its first rows again as changes
            if self._transaction < 0:
                self._begin()
            yield

    def look(self) -> None:
        """Pass the changes since the last look to watches and waiting threads."""
        with self._looking:
            if self.access.reader.follows:
                self._look()

    def begin(self) -> None:
        """Begin to look in a model that this process has led until now."""
        with self._looking, suppress(ComityError):  # the next look tries again
            self._transaction = -1
            self._begin()
        self.access.hub.reset()
        self._attend()

    def end(self, environment: Environment, commit: int) -> None:
        """Look no more, because this process leads, and writes here from this commit on."""
        with self._looking:
            told = environment is self._environment and commit == self._commit
            self._transaction = -1
        if not told:
            self.access.hub.reset()

    def _begin(self) -> None:
        environment = self.access.reader.environment()
        if environment is not None and not environment.is_retired:
            with self.access.reader.snapshot(incomplete=True) as model:
                reading = model.binding.reading
                self._environment, self._transaction = environment, reading.number
                checkpoint = checkpoint_of(reading)
            self._commit = checkpoint.commits
            self.access.waiters.reached(checkpoint.position)  # a later look would find no change

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
                access.hub.tell(chain.from_iterable(changes), checkpoint)
        self._environment, self._transaction = environment, transaction
        self._commit = checkpoint.commits
        access.waiters.reached(checkpoint.position)
        self._said = ""

    @property
    def is_awaited(self) -> bool:
        """Whether a thread waits for a position."""
        return self.access.reader.follows and bool(self.access.waiters)

    @property
    def is_watched(self) -> bool:
        """Whether there are watches."""
        return self.access.reader.follows and bool(self.access.hub)

    @property
    def is_held(self) -> bool:
        """Whether a snapshot is open."""
        return self.access.reader.follows and self.access.reader.is_held

    def end_snapshots(self, held: float) -> None:
        """End the snapshots that were held for more than `held` seconds."""
        self.access.reader.expire(held)

    def complain(self, error: BaseException) -> None:
        """Log once why a look has failed."""
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
    with suppress(ComityError):  # this process may be unable to read the journal
        if position > (end := lag(0).events):
            return f"the journal ends at position {end:,}"
    return "it is catching up, or its domain is not running"
