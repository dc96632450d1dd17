"""The domain that a host opens: aggregates by name, sessions, history, statistics, closing."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Thread
from typing import TYPE_CHECKING, Self, TypeVar, cast

from comity.actors.aggregate import Aggregate
from comity.actors.aggregates.committer import Committer
from comity.actors.aggregates.live import LiveAggregates
from comity.actors.aggregates.recent import Recent
from comity.actors.aggregates.site import Site
from comity.actors.aggregates.tally import Statistics, Tally
from comity.actors.aggregates.task import AnyDecider, Task
from comity.actors.following.event_stream import EventBells, EventStream
from comity.actors.following.subscription import Subscription
from comity.actors.models.model_status import ModelStatus
from comity.actors.models.models import Models, check_models
from comity.actors.models.projector import Projector
from comity.actors.reading.access import After
from comity.actors.reading.watch import Watch
from comity.actors.runtime.bounded import within
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.housekeeper import Housekeeper
from comity.actors.runtime.pending import Pending, is_engine_thread, settle
from comity.actors.runtime.policy import Policy
from comity.actors.runtime.pool import Pool
from comity.actors.session import Session
from comity.engine.aggregate_id import AggregateId, check_key, check_text
from comity.engine.arguments import check_path, check_seconds, check_several, check_there
from comity.engine.errors import (
    Closed,
    ComityError,
    Forked,
    Invalid,
    NotExecuted,
    OutcomeUnknown,
    WiringError,
)
from comity.engine.history.history import recorded, state_at
from comity.engine.history.recorded import Recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, Decider
from comity.engine.messages.message import Event
from comity.readmodels.generations.model_folder import models_folder

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.aggregates.aggregate_actor import AggregateActor
    from comity.engine.journal.journal import Journal
    from comity.readmodels.projecting.listener import Listener
    from comity.readmodels.tables.query import Selection
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.row import Row

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound="AnyReadModel")
R = TypeVar("R", bound="Row")

_log = logging.getLogger("comity")

_open: weakref.WeakSet[Domain] = weakref.WeakSet()


class Domain:
    """A running domain over one journal. Use it from any thread and any event loop, all at once.

    Close it, or open it in a `with` block; a domain that is left open is closed at exit. After a
    `fork()` the child must open its own. Any number of domains may live in one process, each with
    its own journal.

    Example:
        with Domain.open("team.db", deciders=[board]) as domain:
            sprint = domain.session("ann").aggregate(board, "sprint-42")
            print(sprint.send(RenameCard(card="c1", title="Ship it"), seen=7).result(timeout=1))
    """

    def __init__(
        self,
        journal: Journal,
        *,
        deciders: Iterable[AggregateType],
        read_models: Sequence[type[AnyReadModel]] = (),
        models: str | os.PathLike[str] | None = None,
        policy: Policy | None = None,
    ) -> None:
        if not callable(getattr(journal, "follow", None)):
            msg = f"journal: expected a journal, or use Domain.open(path), got {journal!r:.100}"
            raise WiringError(msg)
        if not isinstance(cast("object", policy), Policy | None):
            msg = f"policy: expected a Policy(...), got {policy!r:.100}"
            raise WiringError(msg)
        self.policy = policy or Policy()
        self._journal = journal
        self._deciders = _by_name(deciders)
        self._lock = threading.Lock()  # guards closing and subscribing
        self._subscriptions: tuple[Subscription, ...] = ()
        self._closed: type[Closed | Forked] | None = None
        self._ended = threading.Event()  # of closing
        self._tally = Tally()
        # Ids rise with time, so that the journal's index of them grows at its end.
        self._ids = itertools.count(time.time_ns())
        self._salt = secrets.token_hex(8)
        folder = None if models is None else check_path(models, "models")
        pool = Pool("comity-pool", self.policy.threads, self.policy.max_threads)
        recent = Recent()
        committer = Committer(journal, self._tally, recent, self._broadcast)
        housekeeper = Housekeeper(self._chores)
        self._site = Site(journal, self.policy, pool, committer, housekeeper, recent, self._tally)
        self._live = LiveAggregates(self._site, self._deciders)
        self._bells = EventBells()
        try:
            self._models = Models(self._site, read_models, list(self._deciders.values()), folder)
        except BaseException:
            pool.stop(0.0)
            raise
        try:
            committer.start()
            self._site.housekeeper.start()
        except BaseException:  # no more threads
            self._models.close(1.0)
            pool.stop(0.0)
            committer.stop(0.0)
            raise
        self._models.wake()
        _open.add(self)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        deciders: Iterable[AggregateType],
        read_models: Sequence[type[AnyReadModel]] = (),
        models: str | os.PathLike[str] | None = None,
        policy: Policy | None = None,
        unsafe_no_fsync: bool = False,
    ) -> Self:
        """Open the domain whose journal is the directory `path`; it is made if it is not there.

        Args:
            path: a directory on a local disk. One process at a time may have it open.
            deciders: the aggregate types; events of others in the journal are left alone.
            read_models: the classes of the models to keep up to date.
            models: the folder of their tables, `models` inside of `path` unless given. Who may
                read models and not the journal needs them elsewhere: `path` is the owner's alone.
            policy: bounds and time limits.
            unsafe_no_fsync: for tests only: answers do not wait for the disk, and a power cut
                can destroy the whole journal.

        Raises:
            JournalInUse: somebody has it open; the text says who.
            NotAJournal: there is something else at this path.
            JournalDamaged: it is not what was written, or not what a model was built from.
            StorageFailed: the disk is full, or failed; nothing is left in the way of the next try.
            ModelInUse: another program projects into one of the models.
            WiringError: an argument is not what it says, two deciders or models have one name, or
                a model listens to an event that no decider has.
        """
        path = check_path(path, "path")  # all this before anything is made on disk
        _by_name(deciders := check_several(deciders, "deciders", WiringError))
        check_models(read_models)
        told = None if models is None else check_path(models, "models")
        journal = LmdbJournal.open(path, unsafe_no_fsync=unsafe_no_fsync)
        try:
            return cls(
                journal,
                deciders=deciders,
                read_models=read_models,
                models=models_folder(path, told),
                policy=policy,
            )
        except BaseException:
            journal.close()
            raise

    # --- sending --------------------------------------------------------------------------------

    def aggregate(self, decider: Decider[S, C, E], key: str) -> Aggregate[S, C, E]:
        """The handle of one aggregate, for senders that are nobody in particular.

        Raises:
            Invalid: the key is empty, too long or not UTF-8.
            WiringError: the domain was opened without this decider.
        """
        return Aggregate(self, decider, self.identify(decider, key), None)

    def session(self, who: str, *, id: str | None = None) -> Session:
        """A new session for somebody, or, with an id, one that goes on from elsewhere.

        Raises:
            Invalid: the name or id is no text of 1 to 200 bytes.
        """
        check_text(who, "the name of a session's sender")
        new = f"{who[:40]}-{secrets.token_hex(6)}"
        return Session(self, who, new if id is None else check_text(id, "a session's id"))

    def identify(self, decider: Decider[S, C, E], key: str) -> AggregateId:
        """The identity of one aggregate of this type, checked."""
        own = self._deciders.get(getattr(decider, "name", ""))
        if own is None or own is not cast("AnyDecider", decider):
            known = ", ".join(self._deciders) or "none"
            msg = (
                f"{decider!r} is not among the deciders that this domain was opened with ({known})"
            )
            raise WiringError(msg)
        return AggregateId(decider.name, check_key(key))

    def new_id(self) -> str:
        """A command id that was never used before."""
        return f"{next(self._ids):016x}{self._salt}"

    @property
    def idle(self) -> bool:
        """Whether nothing is being written now, nor waits to be."""
        return self._site.committer.idle

    def post(
        self, aggregate: AggregateId, tasks: Sequence[Task], *, helps: bool = False
    ) -> AggregateActor | None:
        """Put commands into the aggregate's inbox. Handles call it; hosts call `send`.

        Who `helps` calls the actor's `help` next, if there is one.

        Raises:
            Busy: they do not all fit.
            Invalid: they never will.
            Closed, Forked: it takes no commands (any more).
        """
        try:
            self._check_usable()
            if len(tasks) > self.policy.inbox:
                bound = f"Policy.inbox is {self.policy.inbox}"
                raise Invalid(f"{len(tasks)} commands at once can never fit: {bound}")
            while not (actor := self._live.find(aggregate)).deliver(tasks, helps=helps):
                self._check_usable()  # it retired just now: the next one is new
        except NotExecuted:
            if not (tasks and tasks[0].retry and self._answered_before(aggregate, tasks[0])):
                raise
            return None
        return actor

    def _answered_before(self, aggregate: AggregateId, task: Task) -> bool:
        """Whether a command that is not let in was let in before; then it is answered like that."""
        if self._closed is not Forked:  # in a fork, others' locks are never released
            actor = self._live.get(aggregate)
            if actor is not None and actor.joins(task):
                return True
        answer = self._site.looked_up(self._deciders[aggregate.type], aggregate, task)
        if answer is not None:
            self._tally.ended(answer)
            settle([(task.pending, answer)])
        return answer is not None

    def refused(self, error: ComityError, asks: int) -> None:
        """Count what was not sent because of this error. Handles call it."""
        self._tally.ended(error, asks)

    # --- looking --------------------------------------------------------------------------------

    def history(self, aggregate: Aggregate[S, C, E], *, after: int = 0) -> Iterator[Recorded[E]]:
        """The aggregate's durable events from version after+1 on, each with its report.

        Raises:
            FromTheFuture: it has not had so many events.
            UnreadableEvent: where one comes next that cannot be loaded.
        """
        self._check_own(aggregate)
        check_there(after, self._journal.version(aggregate.id), "after", str(aggregate.id))
        return (
            one
            for record in self._journal.read(aggregate.id, after)
            for one in recorded(aggregate.decider, record)
            if one.version > after
        )

    def state(self, aggregate: Aggregate[S, C, E], *, at: int | None = None) -> S:
        """The aggregate's durable state, today's or that of any version: a copy of your own.

        Raises:
            FromTheFuture: it has not had that many events.
            UnreadableEvent: one of them cannot be loaded.
        """
        self._check_own(aggregate)
        return state_at(aggregate.decider, self._journal, aggregate.id, at)[0]

    def state_and_version(self, aggregate: Aggregate[S, C, E]) -> tuple[S, int]:
        """Today's durable state, and its version."""
        self._check_own(aggregate)
        return state_at(aggregate.decider, self._journal, aggregate.id)

    def version(self, aggregate: Aggregate[S, C, E]) -> int:
        """How many durable events the aggregate has."""
        self._check_own(aggregate)
        return self._journal.version(aggregate.id)

    def subscribe(
        self, decider: Decider[S, C, E], key: str, from_version: int = 0
    ) -> EventStream[E]:
        """The aggregate's events after a version, then each new one: `for`, or `async for`.

        Raises:
            Invalid: the key is empty, too long or not UTF-8, or it is no version.
            FromTheFuture: the aggregate has not come to this version.
            WiringError: the domain was opened without this decider.
        """
        self._check_usable()
        aggregate = self.identify(decider, key)
        return EventStream(self._journal, decider, aggregate, from_version, self._bells)

    def listen(self, listener: Listener, *, after: int = 0) -> Subscription:
        """Feed a listener every event after a position, then each new one, until it is closed.

        Those of aggregate types that the domain was not opened with are left out.

        Raises:
            FromTheFuture: the journal has not come to this position.
            WiringError: it is no listener.
        """
        self._check_usable()
        subscription = Subscription(self._site, self._deciders, listener, after)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        if self._closed is not None:  # just now, and perhaps too late to be closed with the others
            subscription.close()
        subscription.wake()
        return subscription

    # --- read models ----------------------------------------------------------------------------

    def read(
        self, model: type[M], *, after: After = None, timeout: float = 1.0, stale: bool = False
    ) -> M:
        """A consistent snapshot of all tables of a model, newest first: ask it, then let it go.

        It blocks nobody and is blocked by nobody. Use it in a `with` block; after `Policy.snapshot`
        seconds it ends by itself.

        Args:
            model: its class.
            after: a receipt, or a position: the snapshot has it, so that you read your own write.
            timeout: seconds to wait for that.
            stale: take what there is after that time, also of a model that is still being built.

        Raises:
            Behind: it has not come to `after` in time; the text says why.
            NotReady: the model is being built for the first time.
            WiringError: the domain was opened without this model.

        Example:
            with domain.read(Cards, after=receipt) as cards:
                print(cards.by_assignee["ann"].page(limit=20).rows)
        """
        self._check_usable()
        return self._models.of(model).access.read(after, timeout, stale=stale)

    def reached(self, model: type[M], after: After, *, timeout: float = 1.0) -> Pending[int]:
        """Answered with the model's position once it has come to `after`; else with `Behind`.

        `await domain.reached(Cards, receipt)` waits without blocking an event loop.
        """
        self._check_usable()
        return self._models.of(model).access.reached(after, timeout)

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """The rows of a selection as they are, then each change as it comes.

        The class of a read model makes selections: `Cards.rows[key]`, `Cards.by_assignee["ann"]`,
        `Cards.rows.between(...)`, `Cards.rows.all()`.
        """
        self._check_usable()
        return self._models.watching(selection).watch(selection)

    def model(self, model: type[M]) -> Projector[M]:
        """A model's projector: its status, rebuilding, pausing, parked events."""
        self._check_usable()
        return self._models.of(model)

    def models(self) -> Sequence[ModelStatus]:
        """How each read model stands."""
        self._check_usable()
        return [projector.status() for projector in self._models.all()]

    def statistics(self) -> Statistics:
        """What the domain has done since it was opened, and how it stands."""
        self._check_usable()
        live = self._live.all()
        depths = [actor.waiting for actor in live]
        tally, figures = self._tally, self._journal.figures()
        busy_since = self._site.committer.busy_since
        return Statistics(
            uptime=time.monotonic() - tally.started,
            live=len(live),
            undecided=sum(depths),
            deepest=max(depths, default=0),
            unanswered=sum(actor.outstanding for actor in live),
            threads=self._site.pool.threads,
            position=figures.position,
            commits=tally.commits,
            events=tally.events,
            events_per_commit=tally.events / max(1, tally.commits),
            commit_age=0.0 if busy_since is None else time.monotonic() - busy_since,
            failed_commits=tally.failed_commits,
            ends=tally.ends,
            conflicts=dict(tally.conflicts),
            size=figures.size,
        )

    # --- closing --------------------------------------------------------------------------------

    def close(self, timeout: float = 10.0) -> None:
        """Take no more commands, finish those on their way, and release the journal.

        What is not finished after `timeout` seconds is answered all the same: `Closed` where it
        is certain that nothing was done, else `OutcomeUnknown`. A journal that hangs is released
        once it does not. Closing twice is harmless; who closes at the same time waits, too.
        Called inside decide, evolve or a listener it comes back at once, and closes after them.
        """
        if self._closed is Forked:
            return
        until = time.monotonic() + check_seconds(timeout, "timeout")
        with self._lock:
            begun, self._closed = self._closed, Closed
        if is_engine_thread():
            if begun is None:
                Thread(target=self._close, args=[until], name="comity-closing", daemon=True).start()
        elif begun is None:
            self._close(until)
        else:
            self._ended.wait(max(0.0, until - time.monotonic()))

    def _close(self, until: float) -> None:
        """Take each step, whatever comes of the others: Ctrl-C while it waits, for one."""
        interrupted: BaseException | None = None
        for step in (
            self._finish, self._end_following, self._site.housekeeper.stop, self._answer_the_rest,
            self._site.pool.stop, self._site.committer.stop, self._models.close, self._release,
        ):  # fmt: skip
            try:
                step(max(0.1, until - time.monotonic()))
            except BaseException as error:
                _log.exception("closing was disturbed; it goes on")
                interrupted, until = error, 0.0
        _open.discard(self)
        self._ended.set()
        if interrupted is not None:
            raise interrupted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _finish(self, timeout: float) -> None:
        """Wait until nothing is on its way any more."""
        self._live.close()
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self._site.committer.idle and not any(actor.busy for actor in self._live.all()):
                return
            time.sleep(0.001)

    def _end_following(self, timeout: float) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        self._bells.close()

    def _answer_the_rest(self, timeout: float) -> None:
        closed = Closed(
            "the domain was closed before this command was decided; nothing was changed"
        )
        unknown = OutcomeUnknown(
            "the domain was closed before this command was durable; send it again with the same id"
        )
        until = time.monotonic() + timeout
        for actor in self._live.all():
            calm = not actor.busy
            actor.end(closed, unknown)
            if calm and time.monotonic() < until:
                snapshot = actor.snapshot()
                if snapshot is not None:
                    self._site.committer.keep(snapshot)

    def _release(self, timeout: float) -> None:
        """Let go of the journal, or have that done once what holds it up has ended."""
        if not within(timeout, self._let_go):
            _log.error("the journal is held up by the disk: it is let go of later")

    def _let_go(self) -> None:
        self._site.committer.stop(threading.TIMEOUT_MAX)
        self._journal.close()

    def _chores(self) -> None:
        """What the housekeeper does a few times a second."""
        for chore in (self._site.pool.relieve, self._live.look_after, self._models.look_after):
            attempt(chore)

    def _broadcast(self, changed: Iterable[AggregateId]) -> None:
        self._models.wake()
        self._bells.ring(changed)
        for subscription in self._subscriptions:
            subscription.wake()

    def _check_own(self, aggregate: Aggregate[S, C, E]) -> None:
        self._check_usable()
        if not isinstance(cast("object", aggregate), Aggregate):
            msg = f"expected what domain.aggregate(decider, key) gives, got {aggregate!r:.100}"
            raise Invalid(msg)

    def _check_usable(self) -> None:
        if self._closed is Forked:
            msg = "this process is a fork of the one that opened the domain; open it after forking"
            raise Forked(msg)
        if self._closed is not None:
            msg = "the domain is closed; open it again to go on"
            raise Closed(msg)

    def after_fork(self) -> None:
        """In a forked child there are no threads to serve it: say so, and release the lock."""
        self._closed = Forked
        unknown = OutcomeUnknown("this process is a fork, and its parent has what becomes of this")
        for actor in self._live.all():
            actor.abandon(unknown)
        self._models.abandon()
        self._journal.abandon()

    def __repr__(self) -> str:
        return f"Domain({', '.join(self._deciders)})"


def _by_name(deciders: Iterable[AggregateType]) -> Mapping[str, AnyDecider]:
    named: dict[str, AnyDecider] = {}
    for decider in check_several(deciders, "deciders", WiringError):
        if not isinstance(decider, Decider):
            msg = f"deciders is a list of Decider(...), got {decider!r} in it"
            raise WiringError(msg)
        if decider.name in named:
            msg = (
                f"two deciders are called {decider.name!r}; each aggregate type needs its own name"
            )
            raise WiringError(msg)
        named[decider.name] = cast("AnyDecider", decider)
    return named


def _after_fork_in_child() -> None:
    for domain in list(_open):
        domain.after_fork()


def _close_all() -> None:
    for domain in list(_open):
        domain.close(timeout=5.0)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_close_all)
