"""The actor of one read model: keeps its tables up to date, and swaps in a newer generation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from comity.actors.models.driver import Driver
from comity.actors.models.model_status import ModelState, ModelStatus
from comity.actors.models.rebuild import OnProgress, Rebuild
from comity.actors.reading.access import Access
from comity.actors.runtime.bounded import within
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.pending import Pending, check_may_wait, settle
from comity.actors.runtime.pool import Pool
from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import (
    Closed,
    ComityError,
    Forked,
    Invalid,
    JournalDamaged,
    ModelDamaged,
    NotReady,
    OutcomeUnknown,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
)
from comity.readmodels.generations import generations
from comity.readmodels.generations.generations import Generations, new_projection, open_projection
from comity.readmodels.generations.model_folder import ModelFolder, put_away
from comity.readmodels.generations.reader import Reader, checkpoint_of
from comity.readmodels.projecting.feed import Routes, has_taken
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.projecting.parking import Parked
from comity.readmodels.projecting.projection import CannotProject, Projection, describe_error
from comity.readmodels.storage.environment import EVERYTHING, Environment
from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from comity.actors.aggregates.site import Site
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")
T = TypeVar("T")

Job: TypeAlias = Callable[[], None]
"""What is to be done between two batches, on the projector's thread."""

_log = logging.getLogger("comity")


class Projector(PooledActor[Job], Generic[M]):
    """One read model of a domain: `domain.model(Cards)`.

    It has a thread of its own, so that a slow model delays neither commands nor other models.
    """

    CHORES = 0.5
    """Seconds between looking for dead readers, a generation that was offered, waste, and what a
    failing disk has put off."""
    WASTE = 64 << 20
    """Bytes that a file may take beyond four times what it holds, before it is copied: a reader
    that hangs makes it grow."""

    def __init__(self, site: Site, model: type[M], folder: ModelFolder, routes: Routes) -> None:
        name = model.stored_as
        super().__init__(Pool(f"comity-{name}", threads=1, most=1), f"read model {name}", 1_000)
        self.model = model
        self.folder = folder
        self.paused = False
        self._site = site
        self._routes = routes
        self._chores_at = 0.0
        self._rest_until = 0.0
        self._resumed = False
        self._forked = False
        self._complained = ""
        self._rebuild: Rebuild | None = None
        self._asks: set[_Ask[Any]] = set()
        try:
            folder.make()
            self._lock = folder.lock()
        except BaseException:
            self._pool.stop(0.0)
            raise
        found: Generations | None = None
        try:
            found = generations.found(model, folder)
            reader: Reader[M] = Reader(model, folder, lag=self._lag, follows=False)
            reader.use(found.answers)
            self.access = Access(reader, self._why)
            self._driver = self._drive(found.current) if found.current else None
            self._check_journal(found)
        except BaseException:
            if found is not None:
                _close(found)
            self._lock.release()
            self._pool.stop(0.0)
            raise
        self.access.waiters.reached(reader.checkpoint().position)
        if found.building is not None:
            self._start(found.building, None)

    # --- for hosts --------------------------------------------------------------------------------

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
        lag = self._lag(position)
        return ModelStatus(
            name=self.model.stored_as,
            state=self._state(lag),
            position=position,
            lag_events=lag.events,
            lag_seconds=lag.seconds,
            rows=rows,
            size=self._size(),
            error=self._error(),
            parked=parked,
            rebuilt=self._rebuild.part if self._rebuild else None,
        )

    def rebuild(self, progress: OnProgress | None = None) -> None:
        """Build the model anew beside the tables that answer, and swap when it is done.

        Args:
            progress: called after each batch, on the rebuild's thread, until it raises.

        Raises:
            ReadModelError: a rebuild is under way.
        """
        self._ask(lambda: self._begin_rebuild(progress))

    def pause(self) -> None:
        """Take no more events, and rest a rebuild that is under way. What is there can be read."""
        self.paused = True
        if self._rebuild:
            self._rebuild.pause()

    def resume(self) -> None:
        """Go on, also where the model has stopped: `project` is tried again."""
        self.paused = False
        self._resumed = True  # who waits from now on is not told why it stood
        self.deliver([self._try_again])
        self.wake()
        if rebuild := self._rebuild:
            rebuild.go_on()

    def parked(self) -> list[Parked]:
        """The events that are parked, in the order of the journal."""
        self._check_forked()
        while (driver := self._driver) is not None:
            try:
                return driver.projection.parked()
            except SnapshotExpired:
                if driver is self._driver:  # else another generation has taken its place
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
        return self._ask(lambda: self._replay(aggregate))

    def drop(self, aggregate: AggregateId) -> int:
        """Give the parked events of an aggregate up, until a rebuild; how many it were.

        Raises:
            Invalid: it is no aggregate's id.
        """
        _check_id(aggregate)
        return self._ask(lambda: self._drop(aggregate))

    # --- turns ------------------------------------------------------------------------------------

    def on_turn(self, messages: list[Job]) -> None:
        """Do what was asked, then take the next batch."""
        for job in messages:
            attempt(job)
        if self._retired:
            return
        now = time.monotonic()
        if now >= self._chores_at:
            self._chores_at = now + self.CHORES
            self._do_chores()
        driver = self._driver
        if driver is None or self.paused or driver.stopped:
            return
        if self._rest_until > now:
            self._sleep(self._rest_until - now)
            return
        rest = driver.step()
        if isinstance(driver.reason, ModelDamaged):
            driver.projection.environment.note_damage()
            self._chores_at = 0.0  # then it is begun anew
            self.wake()
        elif driver.stopped:
            self.access.waiters.give_up(self.access.behind, unless=lambda: self._resumed)
        elif rest:
            self._rest_until = now + rest
            self._sleep(rest)
        else:
            self.access.waiters.reached(driver.position)

    def more(self) -> bool:
        """Whether there is more to take."""
        driver = self._driver
        return not (
            self._retired
            or self.paused
            or driver is None
            or driver.stopped
            or self._rest_until > time.monotonic()
        ) and (driver.behind)

    def look_after(self) -> None:
        """What is done by the clock, a few times a second."""
        self.access.reader.expire(self._site.policy.snapshot)
        self.access.waiters.expire(self.access.behind)
        if time.monotonic() >= self._chores_at:
            self.wake()

    def close(self, timeout: float) -> None:
        """Put everything on the disk and let go of it: when `project` returns, if it hangs."""
        until = time.monotonic() + timeout
        jobs = [job for job in self.drain() if not _refused(job)]
        ended = self._rebuild is None or self._rebuild.end(timeout)
        ended = self._pool.stop(max(0.1, until - time.monotonic())) and ended
        self.access.hub.close()
        self.access.waiters.close(self.access.behind)
        for ask in list(self._asks):
            ask.end(OutcomeUnknown(f"the domain was closed while {self.actor_urn} was at it"))
        # LMDB would wait, for as long as that takes, until the transaction that is open has ended.
        left = max(0.1, until - time.monotonic()) if ended else 0.0
        if not within(left, lambda: self._let_go(jobs)):
            name = self.model.stored_as
            _log.error("%s is held up, in `project` or by the disk: it is let go of later", name)

    def _let_go(self, jobs: Sequence[Job]) -> None:
        self._pool.stop(TIMEOUT_MAX)
        for job in jobs:  # on this thread, now that the projector's own does nothing any more
            job()
        if self._rebuild:
            self._rebuild.end(TIMEOUT_MAX)
        drivers = [one for one in (self._driver, self._rebuild and self._rebuild.driver) if one]
        try:
            for driver in drivers:
                try:
                    put_away(driver.projection.environment)
                except ComityError as error:
                    _log.warning("%s", error)
            self.access.reader.close()
        finally:
            self._lock.release()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._retired = self._forked = True
        self.access.reader.abandon()
        for driver in (self._driver, self._rebuild and self._rebuild.driver):
            if driver:
                driver.projection.environment.abandon()
        self._lock.abandon()

    def _try_again(self) -> None:
        self._resumed = False
        self._rest_until = 0.0
        if self._driver:
            self._driver.try_again()

    # --- generations ------------------------------------------------------------------------------

    def _begin_rebuild(self, progress: OnProgress | None) -> None:
        if self._rebuild is not None:
            msg = f"{self.model.stored_as} is being rebuilt already"
            raise ReadModelError(msg)
        self._start(new_projection(self.model, self.folder), progress)

    def _start(self, projection: Projection, progress: OnProgress | None) -> None:
        self._rebuild = Rebuild(
            self._site,
            projection,
            self._routes,
            self._hand_over,
            progress,
        )
        self._rebuild.wake()

    def _hand_over(self, rebuild: Rebuild) -> None:
        if self.deliver([self._adopt_rebuild]):  # else the domain closes, and goes on next time
            self.wake()

    def _adopt_rebuild(self) -> None:
        rebuild = self._rebuild
        if rebuild is None or not rebuild.handed_over:
            return
        rebuild.end(0.0)
        try:
            self._adopt(rebuild.projection)
        except StorageFailed as error:  # the chores try again
            _log.error("the new %s cannot answer yet: %s", self.model.stored_as, error)
            return
        except BaseException:
            self._rebuild = None
            raise
        self._rebuild = None  # not before the swap: who sees that it is done reads what it made

    def _adopt(self, projection: Projection) -> None:
        """Let this generation answer, once it has all that the journal has."""
        driver = self._drive(projection)
        while not (driver.at_end or driver.error):
            driver.step()
        self._swap(driver)

    def _swap(self, driver: Driver) -> None:
        old = self.folder.current()
        path = driver.projection.environment.path
        self.folder.swap(path)
        self._driver = driver
        self.access.reader.use(driver.projection.environment)
        if old is not None and old != path:
            self.folder.discard(old)
        self.access.hub.reset()
        self.access.waiters.reached(driver.position)
        _log.info("%s answers from %s now", self.model.stored_as, path.name)

    def _replace_damaged(self) -> None:
        """Let go of what is damaged, whoever has noticed: the chores begin it anew."""
        answers = self.access.reader.environment()
        if answers is not None and answers.is_damaged:
            _log.error("%s is damaged and is built anew", answers.path)
            self.access.reader.use(None)
            self._driver = None
        if self._rebuild is not None and self._rebuild.projection.environment.is_damaged:
            _log.error("%s is damaged and is built anew", self._rebuild.projection.environment.path)
            self._give_up_rebuild()

    def _do_chores(self) -> None:
        try:
            self._replace_damaged()
            driver, rebuild = self._driver, self._rebuild
            offered = self.folder.offered()
            if rebuild is not None and rebuild.handed_over:
                self._adopt_rebuild()
            elif offered is not None and (rebuild is None or rebuild.driver.stopped):
                self._take_offer(offered)
            elif driver is not None:
                environment = driver.projection.environment
                environment.note()
                environment.check_readers()
                if rebuild is None and self._wastes(environment):
                    self._compact(driver)
            elif rebuild is None:
                self._start(new_projection(self.model, self.folder), None)
            self._complained = ""
        except (ComityError, OSError) as error:
            if self._complained != str(error):
                _log.warning("%s: %s", self.model.stored_as, error)
            self._complained = str(error)

    def _take_offer(self, path: Path) -> None:
        """Another program has built a generation of this model: go on with it."""
        try:
            taken = self._opened_offer(path)
            if taken is not None:
                self._give_up_rebuild()
                self._start(taken, None)
            else:
                self.folder.discard(path)
        except StorageFailed:  # it is still offered when the disk is well
            raise
        except BaseException:
            self.folder.withdraw()
            raise
        self.folder.withdraw()

    def _opened_offer(self, path: Path) -> Projection | None:
        """What was offered; None where it is of another model or another journal."""
        if not generations.fits(self.model, path):
            return None
        projection = open_projection(self.model, path)
        if has_taken(self._site.journal, projection.checkpoint):
            return projection
        projection.environment.close()
        return None

    def _give_up_rebuild(self) -> None:
        """One that has failed makes way for what somebody else has built."""
        rebuild, self._rebuild = self._rebuild, None
        if rebuild is not None:
            rebuild.end(0.0)
            environment = rebuild.projection.environment
            environment.close()
            self.folder.discard(environment.path)

    def _wastes(self, environment: Environment) -> bool:
        size = environment.size()
        return size > self.WASTE and size > self.WASTE + 4 * environment.used()

    def _compact(self, driver: Driver) -> None:
        """Go on with a copy that holds what the tables hold, and leave waste to who pins it."""
        source = driver.projection.environment
        path = self.folder.copy(source)
        _log.info(
            "%s takes %d bytes and holds %d: copied", source.path, source.size(), source.used()
        )
        copy: Projection | None = None
        try:
            copy = open_projection(self.model, path)
            self._swap(self._drive(copy))
        except StorageFailed:  # another one is made when the disk is well: this one takes room
            if copy is not None:
                copy.environment.close()
            self.folder.discard(path)
            raise

    # --- inside -----------------------------------------------------------------------------------

    def _drive(self, projection: Projection) -> Driver:
        site = self._site
        hub = self.access.hub
        return Driver(
            projection, site.journal, self._routes, hub.tell, site.recent.after, hub.reset
        )

    def _check_journal(self, found: Generations) -> None:
        """A model never knows more than the journal, unless the journal has lost something."""
        journal = self._site.journal
        for projection in (found.current, found.building):
            if projection is not None and not has_taken(journal, projection.checkpoint):
                end, position = journal.position(), projection.checkpoint.position
                lost = "events that were durable are missing"
                if position <= end:
                    lost = "the event there is another one now"
                msg = (
                    f"the journal ends at position {end:,}, and {self.model.stored_as} has taken "
                    f"position {position:,}: {lost}; if an older backup was restored on purpose, "
                    f"or another journal, delete {self.folder.path}"
                )
                raise JournalDamaged(msg)

    def _drop(self, aggregate: AggregateId) -> int:
        if self._driver is None:
            return 0
        self._driver.make_sure()
        return self._driver.projection.drop(aggregate)

    def _replay(self, aggregate: AggregateId | None) -> int:
        if self._driver is None:
            return 0
        self._driver.make_sure()
        projection, taken = self._driver.projection, 0
        waiting = projection.parked(aggregate)
        for one in dict.fromkeys(parked.aggregate for parked in waiting):
            its = [parked for parked in waiting if parked.aggregate == one]
            try:
                changes = projection.replay(one, self._routes.again(self._site.journal, its))
            except CannotProject as failure:
                msg = f"{one} is parked as before: `project` still fails: {failure}"
                raise ReadModelError(msg) from failure.reason
            self.access.hub.tell(changes)
            taken += len(its)
        return taken

    def _ask(self, function: Callable[[], T]) -> T:
        """Run a function on the projector's thread, between two batches.

        Raises:
            WiringError: called on that thread, or another of the engine's.
            Closed, Forked: the domain was closed before its turn came, or this is a fork.
            OutcomeUnknown: it was closed while the function ran.
        """
        check_may_wait()
        ask = _Ask(function, self.actor_urn)
        self._asks.add(ask)
        try:
            self._post(ask)
            return ask.pending.result()[0]
        finally:
            self._asks.discard(ask)

    def _post(self, job: Job) -> None:
        self._check_forked()
        if not self.deliver([job]):
            msg = "the domain is closed; open it again to go on"
            raise Closed(msg)
        self.wake()

    def _check_forked(self) -> None:
        if self._forked:
            msg = "this process is a fork of the one that opened the domain; open it after forking"
            raise Forked(msg)

    def _size(self) -> int:
        reader = self.access.reader
        while (environment := reader.environment()) is not None:
            try:
                return environment.size()
            except OSError:
                if environment is reader.environment():  # else its files were removed just now
                    break
        return 0

    def _lag(self, position: int) -> Lag:
        return lag_of(self._site.journal, position)

    def _state(self, lag: Lag) -> ModelState:
        driver = self._driver
        if self.paused:
            return "paused"
        if driver is None:
            return "rebuilding"
        if driver.stopped:
            return "stopped"
        if driver.error:
            return "waiting"
        return "following" if lag.events <= Driver.BATCH else "catching up"

    def _error(self) -> str:
        """Why the model does not go on, or the rebuild beside it."""
        if self._driver is None:
            return self._rebuild_error()
        beside = self._rebuild_error()
        return _error_of(self._driver) or (f"the rebuild has failed: {beside}" if beside else "")

    def _rebuild_error(self) -> str:
        rebuild = self._rebuild
        return "" if rebuild is None else _error_of(rebuild.driver)

    def _why(self, position: int) -> str:
        error = _error_of(self._driver) if self._driver else self._rebuild_error()
        if error:
            return error
        if position > (end := self._site.journal.position()):
            return f"the journal ends at position {end:,}"
        return "it is paused" if self.paused else "it is still catching up"

    def _sleep(self, seconds: float) -> None:
        self.park()
        self._site.wake_in(seconds, self)


class _Ask(Generic[T]):
    """A job that somebody waits for: it is answered whatever it raises."""

    def __init__(self, function: Callable[[], T], name: str) -> None:
        # In a tuple: None is no answer.
        self.pending: Pending[tuple[T]] = Pending(name)
        self._function = function

    def __call__(self) -> None:
        try:
            answer = self._function()
        except ComityError as error:
            self.end(error)
        except BaseException as error:
            self.end(ReadModelError(f"{self.pending.id}: {describe_error(error)}"))
        else:
            settle([(self.pending, (answer,))])

    def end(self, error: ComityError) -> None:
        """Answer it with an error, if it is not answered."""
        settle([(self.pending, error)])


def _check_id(aggregate: AggregateId) -> None:
    if not isinstance(cast("object", aggregate), AggregateId):
        msg = f"expected an aggregate's id, such as sprint.id, got {aggregate!r:.100}"
        raise Invalid(msg)


def _error_of(driver: Driver) -> str:
    stopped = driver.projection.stopped
    return stopped.sentence() if stopped else driver.error


def _refused(job: Job) -> bool:
    """Whether somebody waits for it, and now in vain."""
    if not isinstance(job, _Ask):
        return False
    ask = cast("_Ask[object]", job)
    ask.end(Closed("the domain was closed before this was done; open it again to go on"))
    return True


def _close(found: Generations) -> None:
    for projection in (found.current, found.building):
        if projection is not None:
            projection.environment.close()
    if found.answers is not None:
        found.answers.close()
