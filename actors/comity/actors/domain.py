"""The domain: the object that a host opens to use aggregates and read models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar, cast

from comity.actors.aggregate import Aggregate
from comity.actors.assembly.assembly import Assembly, by_name
from comity.actors.assembly.closing import Closing
from comity.actors.delivering.opening import ledgers_folder
from comity.actors.delivering.outlets import check_outlets
from comity.actors.following.event_stream import EventStream
from comity.actors.following.subscription import Subscription
from comity.actors.observing.observer import Observer
from comity.actors.observing.observers import check_observers
from comity.actors.operated_domain import OperatedDomain
from comity.actors.operating.listing import page_of
from comity.actors.processes.processes import check_processes, deciders_of
from comity.actors.projecting.models import check_models
from comity.actors.runtime.policy import Policy
from comity.actors.runtime.thread_runtime import THREADS
from comity.actors.session import Session
from comity.engine.aggregate_id import check_text
from comity.engine.arguments import check_path, check_several, check_there
from comity.engine.checking.checked import checked as check
from comity.engine.errors import Invalid, WiringError
from comity.engine.history.history import recorded
from comity.engine.history.recorded import Recorded
from comity.engine.history.unreadable import check_readable
from comity.engine.journal.opener import JournalOpener, LmdbOpener, Place, opener_of
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, Decider
from comity.engine.messages.message import Event
from comity.engine.processes.process import ProcessType
from comity.readmodels.generations.model_folder import models_folder

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.history.listing import ListedAggregate
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.lineage import Lineage
    from comity.readmodels.projecting.listener import Listener
    from comity.readmodels.tables.query import Page
    from comity.readmodels.tables.read_model import AnyReadModel

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Domain(OperatedDomain):
    """A running domain with its journal. Its methods work from any thread and event loop.

    Close it, or open it in a `with` block; a domain that is open at exit is closed then. After
    `fork()` the child must open its own domain. A process may open several domains, each with its
    own journal.

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
        processes: Iterable[ProcessType] = (),
        models: str | os.PathLike[str] | None = None,
        outlets: Sequence[AnyOutlet] = (),
        ledgers: str | os.PathLike[str] | None = None,
        policy: Policy | None = None,
        observers: Iterable[Observer] = (),
        runtime: Runtime = THREADS,
        checked: bool = False,
        keep_commands: bool = False,
    ) -> None:
        if not callable(getattr(journal, "follow", None)):
            msg = f"journal: expected a journal, or use Domain.open(path), got {journal!r:.100}"
            raise WiringError(msg)
        if not isinstance(cast("object", policy), Policy | None):
            msg = f"policy: expected a Policy(...), got {policy!r:.100}"
            raise WiringError(msg)
        self.policy = policy or Policy()
        folder = None if models is None else check_path(models, "models")
        named = by_name(deciders)
        running = check_processes(processes, named, check_models(read_models))
        every = {**named, **deciders_of(running)}
        if checked:
            every = {name: check(one) for name, one in every.items()}
        assembly = Assembly(
            journal, every, read_models, folder, self.policy, runtime,
            check_observers(observers), processes=running, keep_commands=keep_commands,
            outlets=outlets, ledgers=None if ledgers is None else check_path(ledgers, "ledgers"),
        )  # fmt: skip
        super().__init__(assembly)
        self._closing = Closing(assembly)

    @classmethod
    def open(
        cls,
        path: Place,
        *,
        deciders: Iterable[AggregateType],
        read_models: Sequence[type[AnyReadModel]] = (),
        processes: Iterable[ProcessType] = (),
        models: str | os.PathLike[str] | None = None,
        outlets: Sequence[AnyOutlet] = (),
        ledgers: str | os.PathLike[str] | None = None,
        policy: Policy | None = None,
        observers: Iterable[Observer] = (),
        runtime: Runtime = THREADS,
        checked: bool = False,
        keep_commands: bool = False,
        allow_unreadable: bool = False,
        exclusive: bool = False,
        unsafe_no_fsync: bool = False,
    ) -> Self:
        """Open the domain whose journal is the directory `path`; create it if it does not exist.

        Args:
            path: a directory on a local disk, which any number of processes of one machine may
                open; or a `JournalOpener` for another kind of journal.
            deciders: the aggregate types. Events of other types in the journal are ignored.
            read_models: the classes of the read models to keep up to date.
            processes: the processes to run.
            models: the folder for their tables; by default `models` inside `path`. Choose another
                folder for programs that may read the models but not the journal: only the owner
                can enter `path`.
            outlets: the outlets that deliver events to other systems, as objects.
            ledgers: the folder in which they keep what is delivered; by default `outlets` inside
                `path`.
            policy: bounds and time limits.
            observers: the domain tells them what it does while it works.
            runtime: threads, clock and randomness; real ones by default. Tests may pass another.
            checked: watch decide, evolve, initial, conflict rules and footprints for mistakes, and
                answer a command that meets one with `CheckFailed`. For tests and simulations: each
                function runs twice, on copies of the state.
            keep_commands: record each command as it was sent, also those that are refused or
                change nothing. Then `comity rehearse` can decide them again under other rules.
            allow_unreadable: open the domain even if the journal has events that no class of the
                deciders reads. Their aggregates then answer with `UnreadableEvent`.
            exclusive: let no other process open it to write, as older versions of comity do.
            unsafe_no_fsync: do not flush commits. For tests only: a power cut can destroy the
                whole journal.

        Raises:
            JournalInUse: another process has it open `exclusive`, or has it open at all and this
                one asks for `exclusive`; or this process has it open already; or a process in a
                container with another pid namespace has it open. The text names that process.
            NotAJournal: the path holds something else.
            TooNew: a newer version of comity wrote the journal.
            JournalDamaged: the journal is damaged, or is not the one that a model was built from.
            UnreadableEvent: the journal has events that no class of the deciders reads; the text
                names them, with their counts, and says what to do.
            StorageFailed: the disk is full, or failed; you can try again.
            ModelInUse: another program leads one of the models alone, or for another journal.
            FromTheFuture: an outlet begins at a position that the journal does not have yet.
            WiringError: an argument has the wrong type, two deciders, models, processes or outlets
                have the same name, or a model, process or outlet needs an event or decider that is
                not there.
            CheckFailed: `checked`, and an initial state cannot be copied.
        """
        opener = opener_of(path)  # check all arguments before creating files
        if unsafe_no_fsync:
            opener = replace(_in_a_directory(opener, "unsafe_no_fsync"), unsafe_no_fsync=True)
        if exclusive:
            opener = replace(_in_a_directory(opener, "exclusive"), exclusive=True)
        named = by_name(deciders := check_several(deciders, "deciders", WiringError))
        processes = check_several(processes, "processes", WiringError)
        running = check_processes(processes, named, check_models(read_models))
        check_outlets(outlets)
        observers = check_observers(observers)
        told = None if models is None else check_path(models, "models")
        kept = None if ledgers is None else check_path(ledgers, "ledgers")
        journal = opener.open()
        try:
            if not allow_unreadable:
                every = {**named, **deciders_of(running)}
                check_readable(every.values(), journal.kinds(), str(opener))
            return cls(
                journal,
                deciders=deciders,
                read_models=read_models,
                processes=processes,
                models=told if opener.path is None else models_folder(opener.path, told),
                outlets=outlets,
                ledgers=kept if opener.path is None else ledgers_folder(opener.path, kept),
                policy=policy,
                observers=observers,
                runtime=runtime,
                checked=checked,
                keep_commands=keep_commands,
            )
        except BaseException:
            journal.close()
            raise

    # --- sending --------------------------------------------------------------------------------

    def aggregate(self, decider: Decider[S, C, E], key: str) -> Aggregate[S, C, E]:
        """The handle of one aggregate, for commands without a session.

        Raises:
            Invalid: the key is empty, too long or not UTF-8.
            WiringError: the domain was opened without this decider.
        """
        return Aggregate(self._assembly, decider, self._assembly.identify(decider, key), None)

    def session(self, who: str, *, id: str | None = None) -> Session:
        """Start a session for the sender `who`; with `id`, continue one from elsewhere.

        Raises:
            Invalid: the name or id is not text of 1 to 200 bytes.
        """
        check_text(who, "the name of a session's sender")
        new = f"{who[:40]}-{self._assembly.runtime.token(6)}"
        return Session(self._assembly, who, new if id is None else check_text(id, "a session's id"))

    # --- looking --------------------------------------------------------------------------------

    def aggregates(
        self,
        decider: AggregateType,
        *,
        prefix: str = "",
        limit: int = 100,
        after: str | None = None,
    ) -> Page[ListedAggregate]:
        """The aggregates of a type on a page, at most 1,000, in the order of their keys.

        Each has its key, its version and the time of its last event. Those without events are not
        there. It reads the journal while commands go on: an aggregate that begins meanwhile may be
        missing. For the instances of a process see `ProcessHandle.instances`.

        Args:
            decider: the aggregates' type.
            prefix: only those whose keys begin with it.
            limit: the most on a page.
            after: a key; only those after it. The `next` of a page is its last key.

        Raises:
            Invalid: the limit is not 1 to 1,000, or a text cannot be part of a key.
            WiringError: the domain was opened without this decider.

        Example:
            for one in domain.aggregates(board, prefix="sprint-").rows:
                print(one.key, one.version, one.changed)
        """
        self._assembly.check_usable()
        name = self._assembly.check_own(decider)
        return page_of(self._assembly.journal, name, prefix, limit, after)

    def history(self, aggregate: Aggregate[S, C, E], *, after: int = 0) -> Iterator[Recorded[E]]:
        """The aggregate's durable events after version `after`, each with its report.

        Raises:
            FromTheFuture: the aggregate has fewer events than `after`.
            UnreadableEvent: the next event cannot be loaded; raised during iteration.
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
        """A copy of the aggregate's durable state, at version `at` or the newest.

        Raises:
            FromTheFuture: the aggregate has fewer events than `at`.
            UnreadableEvent: an event cannot be loaded.
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
        """The aggregate's events after `from_version`, then each new one: `for` or `async for`.

        Args:
            decider: the aggregate's type.
            key: the aggregate's key.
            from_version: the version that the caller has already. With 8, the first event is that
                of version 9; with 0, the default, it is that of version 1.

        Raises:
            Invalid: the key is empty, too long or not UTF-8, or `from_version` is no version.
            FromTheFuture: the aggregate has fewer events than `from_version`.
            WiringError: the domain was opened without this decider.
        """
        self._assembly.check_usable()
        aggregate = self._assembly.identify(decider, key)
        return self._assembly.stream(decider, aggregate, from_version)

    def listen(self, listener: Listener, *, after: int = 0, branch: str = "") -> Subscription:
        """Pass every event after position `after` to a listener, then each new one, until closed.

        Events of aggregate types that the domain was not opened with are skipped.

        Args:
            listener: the listener.
            after: the position of the last event that it has.
            branch: `lineage().branch` when it got that event, if it keeps the position for longer
                than the domain is open. Then it is told if the journal was restored since.

        Raises:
            FromTheFuture: the journal ends before this position; or it was restored from a backup,
                and lacks some of the events up to there. The text says which.
            WiringError: `listener` is not a listener.
        """
        return self._assembly.listen(listener, after, branch)

    def lineage(self) -> Lineage:
        """The branches of the journal: it has a new one after each restore from a backup.

        Who keeps a position or a version longer than the domain is open, keeps `lineage().branch`
        with it, and asks `lineage().lost(branch, position)` before using it again.
        """
        self._assembly.check_usable()
        return self._assembly.journal.lineage()

    # --- closing --------------------------------------------------------------------------------

    def close(self, timeout: float = 10.0) -> None:
        """Refuse new commands, finish those already sent, and release the journal.

        Commands that are not finished after `timeout` seconds are answered with `Closed` if they
        certainly had no effect, else with `OutcomeUnknown`. If a disk call hangs, the journal is
        released when the call returns. Closing twice is harmless; if two threads close, both wait.
        Called inside decide, evolve or a listener, it returns at once and the domain closes after
        them.
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
            msg = f"expected a handle from domain.aggregate(decider, key), got {aggregate!r:.100}"
            raise Invalid(msg)

    def __repr__(self) -> str:
        return f"Domain({', '.join(self._assembly.deciders)})"


def _in_a_directory(opener: JournalOpener, argument: str) -> LmdbOpener:
    if not isinstance(opener, LmdbOpener):
        msg = f"{argument} is for a journal in a directory"
        raise WiringError(msg)
    return opener


def kill(domain: Domain) -> None:
    """End a domain as if its process had been killed: no answers, nothing more is written.

    For simulations, whose processes are parts of one. Its runtime must call nothing of the domain
    any more.
    """
    domain._closing.kill()  # pyright: ignore[reportPrivateUsage] - one module, one secret


def runtime_of(domain: Domain) -> Runtime:
    """Return the runtime of a domain, for tests that wait or let it wait."""
    return domain._assembly.runtime  # pyright: ignore[reportPrivateUsage] - one module, one secret
