"""Applies events to one generation: rows, indexes, figures and checkpoint in one transaction.

Projectors and rebuilds call it, each on one thread. It never waits, retries or starts a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from comity.engine.errors import ModelDamaged, ReadModelError, StorageFailed, describe_error
from comity.engine.history.batch import CannotTake
from comity.readmodels.projecting.change_log import ChangeLog
from comity.readmodels.projecting.parking import Parked, park, parked_events, unpark
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.meaning import MODEL
from comity.readmodels.storage.reading import Reading
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.binding import Binding
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, STOPPED, Checkpoint, Stopped
from comity.readmodels.tables.workspace import Workspace

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.read_model import AnyReadModel, ReadModel


MOST_HELD: Final = 65_536
"""How many changed rows and figures a bulk build holds in memory, about 60 MB, before it writes."""


class CannotProject(CannotTake):
    """`project` failed, or it wrote values that cannot be stored."""


class Projection:
    """The writer of one generation of a model."""

    def __init__(self, model: type[AnyReadModel], environment: Environment) -> None:
        self.model = model
        self.environment = environment
        self._work = Workspace(model.schema)
        self._log = ChangeLog({table.name: table.codec for table in model.schema.tables})
        self.checkpoint: Checkpoint
        """As it is stored."""
        self._held: Checkpoint | None = None
        """The checkpoint of the changes that are held in memory; None if none are."""
        self._may_hold = True
        self.stopped: Stopped | None
        self._parked: set[AggregateId]
        self._sure = True
        with environment.reading() as reading:
            self._look(reading)
        self._branch = self.checkpoint.branch
        """The newest branch of the journal, as far as it is known here."""

    @property
    def parks(self) -> bool:
        """Whether any aggregate is parked."""
        return bool(self._parked)

    @property
    def position(self) -> int:
        """The position up to which events are applied, be they written or held in memory."""
        return (self._held or self.checkpoint).position

    @property
    def holds(self) -> bool:
        """Whether changes may be held in memory: nobody reads this generation yet, and nothing has
        failed.
        """
        return self._may_hold and not self.checkpoint.complete

    def make_sure(self) -> bool:
        """After a failed commit: read the checkpoint again, since the commit may have succeeded.

        Returns:
            True if it succeeded; its changes were not passed to watches.

        Raises:
            StorageFailed: the tables cannot be opened again, or cannot be written yet.
        """
        if self._sure:
            return False
        before = self.checkpoint
        with self.environment.writing() as writing:  # a write transaction needs no reader slot
            self._look(writing)
        self._sure = True
        return self.checkpoint != before

    def take(
        self, batch: Batch, *, telling: bool = True, hold: bool = False
    ) -> Sequence[RowChange]:
        """Apply a batch; if `telling`, return the changed rows.

        Args:
            batch: the events after `position`.
            telling: whether to return the changed rows.
            hold: whether its changes may stay in memory until more of them are written together.
                A row that changes in several batches is then written once. For generations that
                nobody reads yet.

        Raises:
            CannotProject: `project` failed; nothing of the batch was kept. If changes were held,
                they are given up too: `position` goes back, and nothing is held from then on, so
                that the event that is to blame is found.
            StorageFailed: the disk failed; as far as is known, nothing of the batch was kept, nor
                of what was held.
        """
        if batch.after != self.position:  # a batch is missing or repeated
            msg = (
                f"expected the events after position {self.position}, got those after {batch.after}"
            )
            raise AssertionError(msg)
        moved = self._after(batch)
        self._branch = batch.branch
        changes = self._work.changes = [] if telling else None
        parked = set(self._parked)
        with self._writing() as writing:
            self._apply(writing, batch.events, parked)
            if hold and self.holds and self._has_room():
                self._held = moved  # the transaction has no changes
                return ()
            self._flush(batch.events)
            self._move(writing, moved, changes)
            if self.stopped is not None:
                writing.delete(writing.handles[META], STOPPED)
        self.checkpoint, self.stopped, self._parked, self._held = moved, None, parked, None
        return changes or ()

    def settle(self, *, telling: bool = True) -> Sequence[RowChange]:
        """Write the changes that are held in memory; if `telling`, return the changed rows.

        Raises:
            CannotProject: they cannot be stored; they are given up, as in `take`.
            StorageFailed: the disk failed; they are given up.
        """
        if self._held is None:
            return ()
        moved = self._held
        changes = self._work.changes = [] if telling else None
        with self._writing() as writing:
            self._work.begin(writing)
            self._flush(())
            self._move(writing, moved, changes)
        self.checkpoint, self._held = moved, None
        return changes or ()

    def set_aside(self, at: Recorded[Event], error: BaseException) -> None:
        """Park an event; later events of its aggregate are then parked too."""
        moved = self._next(position=at.position, microseconds=at.microseconds)
        with self._writing() as writing:
            park(writing, Parked.of(at, describe_error(error)))
            self._move(writing, moved, [])
        self.checkpoint = moved
        self._parked.add(at.aggregate)

    def stop(self, at: Recorded[Event] | None, error: BaseException, now: int) -> None:
        """Store where, why and since when the model has stopped, for all processes to read.

        `at` is None if the next event cannot be read.
        """
        said = describe_error(error)
        if at is None:
            stopped = Stopped(self.checkpoint.position, "", 0, "", said, now)
        else:
            name = at.event.stored_as
            stopped = Stopped(at.position, str(at.aggregate), at.version, name, said, now)
        with self._writing() as writing:
            writing.put(writing.handles[META], STOPPED, stopped.pack())
        self.stopped = stopped

    def replay(
        self, aggregate: AggregateId, events: Sequence[Recorded[Event]]
    ) -> Sequence[RowChange]:
        """Apply an aggregate's parked events now, and return the changed rows.

        Raises:
            CannotProject: `project` failed again; the events stay parked.
            ReadModelError: a parked event is not among `events`; the events stay parked.
        """
        waiting = self.parked(aggregate)
        wanted = {one.position for one in waiting}
        again = [at for at in events if at.position in wanted]
        if len(again) != len(waiting):
            msg = (
                f"{aggregate} has {len(waiting)} parked events, and the journal gives {len(again)} "
                "of them: it is another journal, or the wrong deciders; they stay parked"
            )
            raise ReadModelError(msg)
        moved = self._next()
        changes = self._work.changes = []
        with self._writing() as writing:
            self._apply(writing, again, set())
            self._flush(again)
            self._move(writing, moved, changes)
            for one in waiting:
                unpark(writing, one)
        self.checkpoint = moved
        self._parked.discard(aggregate)
        return changes

    def drop(self, aggregate: AggregateId) -> int:
        """Drop an aggregate's parked events until a rebuild; returns how many."""
        waiting = self.parked(aggregate)
        with self._writing() as writing:
            for one in waiting:
                unpark(writing, one)
        self._parked.discard(aggregate)
        return len(waiting)

    def parked(self, aggregate: AggregateId | None = None) -> list[Parked]:
        """The parked events of one aggregate or of all, in the order of the journal."""
        with self.environment.reading() as reading:
            found = list(parked_events(reading))
        return [one for one in found if aggregate is None or one.aggregate == aggregate]

    @contextmanager
    def _writing(self) -> Generator[Writing]:
        """The write transaction; after a failure, `make_sure` must read the checkpoint again."""
        try:
            with self.environment.writing() as writing:
                yield writing
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._sure = False
        self._may_hold = self._may_hold and self._held is None
        self._held = None
        self._work.forget()
        self._log.forget()

    def _look(self, reading: Reading) -> None:
        """Read the checkpoint, the stop and the parked aggregates."""
        meta = reading.handles[META]
        self.checkpoint = Checkpoint.unpack(reading.get(meta, CHECKPOINT))
        self.stopped = Stopped.unpack(reading.get(meta, STOPPED))
        self._parked = {one.aggregate for one in parked_events(reading)}

    def _has_room(self) -> bool:
        """Whether all changes of the batch are in memory still, and may stay there."""
        whole = not (self._work.flushed or self._parked or self.stopped)
        return whole and self._work.waiting < MOST_HELD

    def _after(self, batch: Batch) -> Checkpoint:
        old = self._held or self.checkpoint
        return Checkpoint(
            batch.position,
            batch.microseconds or old.microseconds,
            old.complete or batch.is_end,
            self.checkpoint.commits + 1,
            batch.branch,
        )

    def _next(self, position: int | None = None, microseconds: int | None = None) -> Checkpoint:
        assert self._held is None, "what is held must be written before"
        old = self.checkpoint
        return Checkpoint(
            old.position if position is None else position,
            old.microseconds if microseconds is None else microseconds,
            old.complete,
            old.commits + 1,
            self._branch,
        )

    def _move(
        self, writing: Writing, moved: Checkpoint, changes: Sequence[RowChange] | None
    ) -> None:
        self._log.write(writing, moved.commits, changes)
        writing.put(writing.handles[META], CHECKPOINT, moved.pack())

    def _apply(
        self, writing: Writing, events: Sequence[Recorded[Event]], parked: set[AggregateId]
    ) -> None:
        """Run `project` on the events."""
        self._work.begin(writing)
        model = self.model.bound(Binding(writing, self._work))
        project = cast("ReadModel[Event]", model).project
        at: Recorded[Event] | None = None
        with self._blaming(lambda: at):
            for at in events:
                if parked and at.aggregate in parked:
                    park(writing, Parked.of(at, ""))
                else:
                    project(at.event, at)

    def _flush(self, events: Sequence[Recorded[Event]]) -> None:
        """Write the changes of these events, and what is held, into the transaction."""
        alone = events[0] if len(events) == 1 else None
        with self._blaming(lambda: alone):
            self._work.flush()

    @contextmanager
    def _blaming(self, at: Callable[[], Recorded[Event] | None]) -> Generator[None]:
        """Turn whatever the domain's code raises in the block into `CannotProject`."""
        try:
            with MODEL.told(self.environment.path):
                yield
        except (StorageFailed, ModelDamaged):
            raise
        except BaseException as error:  # the domain's `project` may raise anything
            raise CannotProject(at(), error) from error
