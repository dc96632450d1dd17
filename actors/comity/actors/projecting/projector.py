"""The host's handle of a read model: its status, and commands to rebuild, pause and replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_status import ModelState, ModelStatus
from comity.actors.projecting.progress import OnProgress
from comity.actors.projecting.projector_actor import ProjectorActor
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import (
    Invalid,
    NotReady,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
)
from comity.engine.lmdb.span import EVERYTHING
from comity.readmodels.generations.reader import checkpoint_of
from comity.readmodels.projecting.parking import Parked, parked_events
from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")


class Projector(Generic[M]):
    """One read model of a domain: `domain.model(Cards)`."""

    def __init__(self, actor: ProjectorActor[M]) -> None:
        self.model = actor.model
        """The model's class."""
        self.actor = actor
        self.access = actor.keeper.access
        self.folder = actor.keeper.folder
        self._keeper = actor.keeper

    def status(self) -> ModelStatus:
        """The model's status now."""
        rows: dict[str, int] = {}
        position, parked = max(0, self.access.waiters.position), 0
        try:
            with self.access.reader.snapshot(incomplete=True) as model:
                reading = model.binding.reading
                position = checkpoint_of(reading).position
                for table in self.model.schema.tables:
                    if table.stored_as in reading.handles:
                        handle = reading.handles[table.stored_as]
                        rows[table.name] = reading.count(handle, EVERYTHING)
            parked = len(self.parked())
        except (ReadModelError, StorageFailed):  # report what is known without the rows
            pass
        lag = self._keeper.lag(position)
        progress = rebuild.progress if (rebuild := self._keeper.rebuild) else None
        return ModelStatus(
            name=self.model.stored_as,
            state=self._state(lag),
            position=position,
            lag_events=lag.events,
            lag_seconds=lag.seconds,
            rows=rows,
            size=self._size(),
            error=self._keeper.error(),
            parked=parked,
            rebuilt=None if progress is None else progress.part,
            progress=progress,
            led_by=self._keeper.led_by,
        )

    def rebuild(self, progress: OnProgress | None = None) -> None:
        """Build a new generation while the current one answers, then swap.

        It returns as soon as the rebuild has begun.

        Args:
            progress: called after each batch, on the rebuild's thread, until it raises.

        Raises:
            ReadModelError: a rebuild is under way.
            LedElsewhere: another process leads the model.
        """
        self.actor.ask(lambda: self._keeper.leading().begin_rebuild(progress))

    def pause(self) -> None:
        """Take no more events, and pause the rebuild, if any. The model can still be read.

        A pause ends when another process takes over.

        Raises:
            LedElsewhere: another process leads the model.
        """
        self._keeper.leading().pause()

    def resume(self) -> None:
        """Go on after a pause or a stop; after a stop, `project` is tried again.

        Raises:
            LedElsewhere: another process leads the model.
        """
        self._keeper.leading()
        self.actor.go_on()

    def parked(self) -> list[Parked]:
        """The parked events, in the order of the journal."""
        self.actor.check_forked()
        while (follower := self._keeper.follower) is not None:
            try:
                return follower.projection.parked()
            except SnapshotExpired:
                if follower is self._keeper.follower:  # otherwise a swap has ended the snapshot
                    raise
        return [] if self._keeper.leads else self._parked_elsewhere()

    def _parked_elsewhere(self) -> list[Parked]:
        try:
            with self.access.reader.snapshot(incomplete=True) as model:
                return list(parked_events(model.binding.reading))
        except NotReady:
            return []

    def replay(self, aggregate: AggregateId | None = None) -> int:
        """Apply the parked events of one aggregate or of all again; returns how many were applied.

        Raises:
            ReadModelError: `project` still fails; the failing aggregate stays parked.
            LedElsewhere: another process leads the model.
            Invalid: `aggregate` is not an aggregate's id.
        """
        if aggregate is not None:
            _check_id(aggregate)
        return self.actor.ask(lambda: self._keeper.leading().replay(aggregate))

    def drop(self, aggregate: AggregateId) -> int:
        """Drop an aggregate's parked events until a rebuild; returns how many.

        Raises:
            LedElsewhere: another process leads the model.
            Invalid: `aggregate` is not an aggregate's id.
        """
        _check_id(aggregate)
        return self.actor.ask(lambda: self._keeper.leading().drop(aggregate))

    def _size(self) -> int:
        reader = self.access.reader
        while (environment := reader.opened) is not None:
            try:
                return environment.size()
            except OSError:
                if environment is reader.opened:  # otherwise a swap has removed the files
                    break
        return 0

    def _state(self, lag: Lag) -> ModelState:
        if not self._keeper.leads:
            return self._state_elsewhere(lag)
        follower = self._keeper.follower
        if self._keeper.paused:
            return "paused"
        if follower is None:
            return "rebuilding"
        if follower.stopped:
            return "stopped"
        if follower.error:
            return "waiting"
        return _up_to_date(lag)

    def _state_elsewhere(self, lag: Lag) -> ModelState:
        reader = self.access.reader
        if reader.opened is None:
            return "rebuilding"
        return "stopped" if reader.stopped() else _up_to_date(lag)


def _up_to_date(lag: Lag) -> ModelState:
    return "following" if lag.events <= ModelFollower.BATCH else "catching up"


def _check_id(aggregate: AggregateId) -> None:
    if not isinstance(cast("object", aggregate), AggregateId):
        msg = f"expected an aggregate's id, such as sprint.id, got {aggregate!r:.100}"
        raise Invalid(msg)
