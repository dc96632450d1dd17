"""The domain that a host opens: aggregates by name, sessions, history, statistics, closing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar, cast

from comity.actors.aggregate import Aggregate
from comity.actors.aggregates.tally import Statistics
from comity.actors.assembly.assembly import Assembly, by_name
from comity.actors.assembly.closing import Closing
from comity.actors.following.event_stream import EventStream
from comity.actors.following.subscription import Subscription
from comity.actors.projecting.model_status import ModelStatus
from comity.actors.projecting.models import check_models
from comity.actors.projecting.projector import Projector
from comity.actors.reading.access import After
from comity.actors.reading.watch import Watch
from comity.actors.runtime.pending import Pending
from comity.actors.runtime.policy import Policy
from comity.actors.runtime.thread_runtime import THREADS
from comity.actors.session import Session
from comity.engine.aggregate_id import check_text
from comity.engine.arguments import check_path, check_several, check_there
from comity.engine.errors import Invalid, WiringError
from comity.engine.history.history import recorded
from comity.engine.history.recorded import Recorded
from comity.engine.journal.opener import JournalOpener, LmdbOpener, Place, opener_of
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, Decider
from comity.engine.messages.message import Event
from comity.readmodels.generations.model_folder import models_folder

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.runtime.runtime import Runtime
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
        runtime: Runtime = THREADS,
    ) -> None:
        if not callable(getattr(journal, "follow", None)):
            msg = f"journal: expected a journal, or use Domain.open(path), got {journal!r:.100}"
            raise WiringError(msg)
        if not isinstance(cast("object", policy), Policy | None):
            msg = f"policy: expected a Policy(...), got {policy!r:.100}"
            raise WiringError(msg)
        self.policy = policy or Policy()
        folder = None if models is None else check_path(models, "models")
        self._assembly = Assembly(
            journal, by_name(deciders), read_models, folder, self.policy, runtime
        )
        self._closing = Closing(self._assembly)

    @classmethod
    def open(
        cls,
        path: Place,
        *,
        deciders: Iterable[AggregateType],
        read_models: Sequence[type[AnyReadModel]] = (),
        models: str | os.PathLike[str] | None = None,
        policy: Policy | None = None,
        runtime: Runtime = THREADS,
        unsafe_no_fsync: bool = False,
    ) -> Self:
        """Open the domain whose journal is the directory `path`; it is made if it is not there.

        Args:
            path: a directory on a local disk. One process at a time may have it open. Or what
                opens another kind of journal, a `JournalOpener`.
            deciders: the aggregate types; events of others in the journal are left alone.
            read_models: the classes of the models to keep up to date.
            models: the folder of their tables, `models` inside of `path` unless given. Who may
                read models and not the journal needs them elsewhere: `path` is the owner's alone.
            policy: bounds and time limits.
            runtime: what it runs on: threads, unless a test drives it another way.
            unsafe_no_fsync: for tests only: answers do not wait for the disk, and a power cut
                can destroy the whole journal.

        Raises:
            JournalInUse: somebody has it open; the text says who.
            NotAJournal: there is something else at this path.
            TooNew: a newer comity has written what this one cannot read.
            JournalDamaged: it is not what was written, or not what a model was built from.
            StorageFailed: the disk is full, or failed; nothing is left in the way of the next try.
            ModelInUse: another program projects into one of the models.
            WiringError: an argument is not what it says, two deciders or models have one name, or
                a model listens to an event that no decider has.
        """
        opener = opener_of(path)  # all this before anything is made on disk
        if unsafe_no_fsync:
            opener = _unsafe(opener)
        by_name(deciders := check_several(deciders, "deciders", WiringError))
        check_models(read_models)
        told = None if models is None else check_path(models, "models")
        journal = opener.open()
        try:
            return cls(
                journal,
                deciders=deciders,
                read_models=read_models,
                models=told if opener.path is None else models_folder(opener.path, told),
                policy=policy,
                runtime=runtime,
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
        return Aggregate(self._assembly, decider, self._assembly.identify(decider, key), None)

    def session(self, who: str, *, id: str | None = None) -> Session:
        """A new session for somebody, or, with an id, one that goes on from elsewhere.

        Raises:
            Invalid: the name or id is no text of 1 to 200 bytes.
        """
        check_text(who, "the name of a session's sender")
        new = f"{who[:40]}-{self._assembly.runtime.token(6)}"
        return Session(self._assembly, who, new if id is None else check_text(id, "a session's id"))

    # --- looking --------------------------------------------------------------------------------

    def history(self, aggregate: Aggregate[S, C, E], *, after: int = 0) -> Iterator[Recorded[E]]:
        """The aggregate's durable events from version after+1 on, each with its report.

        Raises:
            FromTheFuture: it has not had so many events.
            UnreadableEvent: where one comes next that cannot be loaded.
        """
        self._check_own(aggregate)
        end = self._assembly.version(aggregate.id)
        check_there(after, end, "after", str(aggregate.id))
        return (
            one
            for record in self._assembly.journal.read(aggregate.id, after)
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
        return self._assembly.state_at(aggregate.decider, aggregate.id, at)[0]

    def version(self, aggregate: Aggregate[S, C, E]) -> int:
        """How many durable events the aggregate has."""
        self._check_own(aggregate)
        return self._assembly.version(aggregate.id)

    def subscribe(
        self, decider: Decider[S, C, E], key: str, from_version: int = 0
    ) -> EventStream[E]:
        """The aggregate's events after a version, then each new one: `for`, or `async for`.

        Raises:
            Invalid: the key is empty, too long or not UTF-8, or it is no version.
            FromTheFuture: the aggregate has not come to this version.
            WiringError: the domain was opened without this decider.
        """
        self._assembly.check_usable()
        parts = self._assembly
        aggregate = parts.identify(decider, key)
        return EventStream(parts.journal, decider, aggregate, from_version, parts.bells)

    def listen(self, listener: Listener, *, after: int = 0) -> Subscription:
        """Feed a listener every event after a position, then each new one, until it is closed.

        Those of aggregate types that the domain was not opened with are left out.

        Raises:
            FromTheFuture: the journal has not come to this position.
            WiringError: it is no listener.
        """
        return self._assembly.listen(listener, after)

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
        self._assembly.check_usable()
        return self._assembly.models.of(model).access.read(after, timeout, stale=stale)

    def reached(self, model: type[M], after: After, *, timeout: float = 1.0) -> Pending[int]:
        """Answered with the model's position once it has come to `after`; else with `Behind`.

        `await domain.reached(Cards, receipt)` waits without blocking an event loop.
        """
        self._assembly.check_usable()
        return self._assembly.models.of(model).access.reached(after, timeout)

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """The rows of a selection as they are, then each change as it comes.

        The class of a read model makes selections: `Cards.rows[key]`, `Cards.by_assignee["ann"]`,
        `Cards.rows.between(...)`, `Cards.rows.all()`.
        """
        self._assembly.check_usable()
        return self._assembly.models.watching(selection).watch(selection)

    def model(self, model: type[M]) -> Projector[M]:
        """A model's projector: its status, rebuilding, pausing, parked events."""
        self._assembly.check_usable()
        return self._assembly.models.of(model)

    def models(self) -> Sequence[ModelStatus]:
        """How each read model stands."""
        self._assembly.check_usable()
        return [projector.status() for projector in self._assembly.models.all()]

    def statistics(self) -> Statistics:
        """What the domain has done since it was opened, and how it stands."""
        self._assembly.check_usable()
        return self._assembly.statistics()

    # --- closing --------------------------------------------------------------------------------

    def close(self, timeout: float = 10.0) -> None:
        """Take no more commands, finish those on their way, and release the journal.

        What is not finished after `timeout` seconds is answered all the same: `Closed` where it
        is certain that nothing was done, else `OutcomeUnknown`. A journal that hangs is released
        once it does not. Closing twice is harmless; who closes at the same time waits, too.
        Called inside decide, evolve or a listener it comes back at once, and closes after them.
        """
        self._closing.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_own(self, aggregate: Aggregate[S, C, E]) -> None:
        self._assembly.check_usable()
        if not isinstance(cast("object", aggregate), Aggregate):
            msg = f"expected what domain.aggregate(decider, key) gives, got {aggregate!r:.100}"
            raise Invalid(msg)

    def __repr__(self) -> str:
        return f"Domain({', '.join(self._assembly.deciders)})"


def _unsafe(opener: JournalOpener) -> JournalOpener:
    if not isinstance(opener, LmdbOpener):
        msg = "unsafe_no_fsync is for a journal in a directory"
        raise WiringError(msg)
    return replace(opener, unsafe_no_fsync=True)
