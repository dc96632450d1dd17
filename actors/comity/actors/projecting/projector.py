"""What a host is handed of a read model: how it stands, and what it is told to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_status import ModelState, ModelStatus
from comity.actors.projecting.projector_actor import ProjectorActor
from comity.actors.projecting.rebuild import OnProgress
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Invalid, NotReady, SnapshotExpired, StorageFailed
from comity.engine.lmdb.span import EVERYTHING
from comity.readmodels.generations.reader import checkpoint_of
from comity.readmodels.projecting.parking import Parked
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
        """How the model stands."""
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
        except (NotReady, SnapshotExpired, StorageFailed):  # what is known without them is told
            pass
        lag = self._keeper.lag(position)
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
            rebuilt=rebuild.part if (rebuild := self._keeper.rebuild) else None,
        )

    def rebuild(self, progress: OnProgress | None = None) -> None:
        """Build the model anew beside the tables that answer, and swap when it is done.

        Args:
            progress: called after each batch, on the rebuild's thread, until it raises.

        Raises:
            ReadModelError: a rebuild is under way.
        """
        self.actor.ask(lambda: self._keeper.begin_rebuild(progress))

    def pause(self) -> None:
        """Take no more events, and rest a rebuild that is under way. What is there can be read."""
        self._keeper.pause()

    def resume(self) -> None:
        """Go on, also where the model has stopped: `project` is tried again."""
        self.actor.go_on()

    def parked(self) -> list[Parked]:
        """The events that are parked, in the order of the journal."""
        self.actor.check_forked()
        while (follower := self._keeper.follower) is not None:
            try:
                return follower.projection.parked()
            except SnapshotExpired:
                if follower is self._keeper.follower:  # else another generation has taken its place
                    raise
        return []

    def replay(self, aggregate: AggregateId | None = None) -> int:
        """Take the parked events again, of one aggregate or of all; how many were taken.

        Raises:
            ReadModelError: `project` still fails; what failed is parked as before.
            Invalid: it is no aggregate's id.
        """
        if aggregate is not None:
            _check_id(aggregate)
        return self.actor.ask(lambda: self._keeper.replay(aggregate))

    def drop(self, aggregate: AggregateId) -> int:
        """Give the parked events of an aggregate up, until a rebuild; how many it were.

        Raises:
            Invalid: it is no aggregate's id.
        """
        _check_id(aggregate)
        return self.actor.ask(lambda: self._keeper.drop(aggregate))

    def _size(self) -> int:
        reader = self.access.reader
        while (environment := reader.environment()) is not None:
            try:
                return environment.size()
            except OSError:
                if environment is reader.environment():  # else its files were removed just now
                    break
        return 0

    def _state(self, lag: Lag) -> ModelState:
        follower = self._keeper.follower
        if self._keeper.paused:
            return "paused"
        if follower is None:
            return "rebuilding"
        if follower.stopped:
            return "stopped"
        if follower.error:
            return "waiting"
        return "following" if lag.events <= ModelFollower.BATCH else "catching up"


def _check_id(aggregate: AggregateId) -> None:
    if not isinstance(cast("object", aggregate), AggregateId):
        msg = f"expected an aggregate's id, such as sprint.id, got {aggregate!r:.100}"
        raise Invalid(msg)
