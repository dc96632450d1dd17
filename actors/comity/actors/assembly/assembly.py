"""The parts of one domain: its committer, actors and models over one journal."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from comity.actors.aggregates.answered import Answered
from comity.actors.aggregates.committer import Committer
from comity.actors.aggregates.live import LiveAggregates
from comity.actors.aggregates.recent import Recent
from comity.actors.aggregates.services import Services
from comity.actors.assembly.sharing import Sharing
from comity.actors.delivering.outlet_routes import outlet_routes
from comity.actors.delivering.outlets import Outlets
from comity.actors.following.event_stream import EventBells, EventStream
from comity.actors.following.subscription import Subscription
from comity.actors.observing.facts import Arrived
from comity.actors.observing.observers import Observers
from comity.actors.observing.statistics import Statistics
from comity.actors.observing.tally import Tally
from comity.actors.operating.health import Health, Standing, health_of
from comity.actors.operating.prometheus import prometheus_text
from comity.actors.operating.statuses import Statuses, statuses_of
from comity.actors.processes.process_lease import LEASES
from comity.actors.processes.processes import Processes
from comity.actors.projecting.models import Models
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.pending import settle
from comity.engine.aggregate_id import AggregateId, check_key
from comity.engine.arguments import check_several, check_whole
from comity.engine.errors import Closed, ComityError, Forked, Invalid, NotExecuted, WiringError
from comity.engine.history.history import state_at
from comity.engine.journal.lineage import check_lineage
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, Decider
from comity.engine.merging.sent import Sender
from comity.engine.messages.message import Event
from comity.engine.messages.moment import moment
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from pathlib import Path

    from comity.actors.aggregates.aggregate_actor import AggregateActor
    from comity.actors.aggregates.task import Task
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.observing.observer import Observer
    from comity.actors.operating.health_limits import HealthLimits
    from comity.actors.runtime.policy import Policy
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.processes.process import AnyProcess
    from comity.engine.sharing.member import Member
    from comity.readmodels.projecting.listener import Listener
    from comity.readmodels.tables.read_model import AnyReadModel

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Assembly:
    """The parts of one domain. They run from its creation until `Closing` ends them."""

    def __init__(
        self,
        journal: Journal,
        deciders: Mapping[str, AnyDecider],
        read_models: Sequence[type[AnyReadModel]],
        folder: Path | None,
        policy: Policy,
        runtime: Runtime,
        observers: Sequence[Observer] = (),
        *,
        processes: Mapping[str, AnyProcess],
        keep_commands: bool = False,
        outlets: Sequence[AnyOutlet] = (),
        ledgers: Path | None = None,
    ) -> None:
        self.journal = journal
        self.runtime = runtime
        self.deciders = deciders
        self.policy = policy
        self.closed: type[Closed | Forked] | None = None
        """Why it accepts nothing any more; None while it is open."""
        self.subscriptions: tuple[Subscription, ...] = ()
        self._unheard = False
        """Whether the journal had news while the committer wrote, and followers were not woken."""
        self._others = -1
        """How many positions are not this domain's events; more if another writer has appended."""
        self._subscribing = Lock()
        # Ids rise with time, so that the journal's index of ids grows at its end.
        self._ids = itertools.count(runtime.now() * 1_000)
        self._salt = runtime.token(4)  # short: each id is stored twice
        self._started = self._cared = runtime.monotonic()
        self._tally, recent = Tally(deciders), Recent()
        told = Observers(self._tally, observers)
        timers = runtime.timers("comity-timers")
        executor = runtime.executor("comity-pool", policy.threads, policy.max_threads)
        committer = Committer(journal, runtime, timers, told, recent, self._broadcast)
        self.services = Services(
            journal, policy, runtime, executor, timers, committer, recent, told,
            keep_commands=keep_commands, steps=processes,
        )  # fmt: skip
        self.live = LiveAggregates(self.services, deciders)
        self.bells = EventBells(runtime)
        self.sharing = Sharing(journal, self._hear, self._is_followed)
        self.processes = Processes(self.services, processes)
        member: Member | None = getattr(journal, "member", None)
        try:
            self.models = Models(
                self.services, read_models, list(deciders.values()), folder, member=member
            )
            try:
                self._start(folder, outlets, ledgers)
            except BaseException:  # for example, no thread can be started
                self.processes.stop(1.0)
                self.processes.close(1.0)
                self.models.close(1.0)
                raise
        except BaseException:
            self._give_up()
            raise
        self.sharing.follow()
        self._wake_followers()

    def _start(
        self, folder: Path | None, outlets: Sequence[AnyOutlet], ledgers: Path | None
    ) -> None:
        services = self.services
        deciders = list(self.deciders.values())
        self.outlets = Outlets(
            self.journal, outlets, partial(outlet_routes, deciders=deciders), ledgers,
            self.runtime, services.recent.after, self._has_company,
        )  # fmt: skip
        try:
            services.committer.start()
            services.timers.call_later(self.policy.chores, self._chores)
            member: Member | None = getattr(self.journal, "member", None)
            self.processes.begin(
                folder, self.deciders, self.post, self.new_id, self.models.lookout,
                None if member is None else member.folder / LEASES,
            )  # fmt: skip
        except BaseException:
            self.outlets.close(1.0)
            raise

    def _has_company(self) -> bool:
        """Whether other programs have the journal open."""
        return self.models.lookout is not None and self.models.lookout.has_company

    def _give_up(self) -> None:
        self.services.timers.stop(0.0)
        self.services.executor.stop(0.0)
        self.services.committer.stop(1.0)

    def check_usable(self) -> None:
        """Check that the domain is open.

        Raises:
            Closed, Forked: it accepts nothing any more.
        """
        if self.closed is Forked:
            msg = "this process is a fork of the one that opened the domain; open it after forking"
            raise Forked(msg)
        if self.closed is not None:
            msg = "the domain is closed; open it again to go on"
            raise Closed(msg)

    # --- sending --------------------------------------------------------------------------------

    def identify(self, decider: Decider[S, C, E], key: str) -> AggregateId:
        """The id of an aggregate of this type, with the key checked.

        Raises:
            WiringError: the domain was opened without this decider.
        """
        return AggregateId(self.check_own(decider), check_key(key))

    def check_own(self, decider: AggregateType) -> str:
        """The name of a decider of this domain.

        Raises:
            WiringError: the domain was opened without this decider.
        """
        own = self.deciders.get(getattr(decider, "name", ""))
        if own is None or getattr(decider, "identity", None) is not own.identity:
            known = ", ".join(self.deciders) or "none"
            msg = (
                f"{decider!r} is not among the deciders that this domain was opened with ({known})"
            )
            raise WiringError(msg)
        return own.name

    def new_id(self) -> str:
        """A new, unique command id."""
        return f"{next(self._ids):016x}{self._salt}"

    @property
    def idle(self) -> bool:
        """Whether nothing is being written or waits to be written."""
        return self.services.committer.idle

    def post(
        self, aggregate: AggregateId, tasks: Sequence[Task], *, helps: bool = False
    ) -> AggregateActor | None:
        """Put commands into the aggregate's inbox.

        If `helps`, the caller must call `help` of the returned actor next. Returns None if the
        command was accepted before and gets its first answer.

        Raises:
            Busy: the inbox has no room for all of them now.
            Invalid: they can never fit into an inbox.
            Closed, Forked: the domain takes no commands (any more).
        """
        try:
            if self.closed is not None:
                self.check_usable()
            if len(tasks) > self.policy.inbox:
                bound = f"Policy.inbox is {self.policy.inbox}"
                raise Invalid(f"{len(tasks)} commands at once can never fit: {bound}")
            if self.services.observers.arrived is not None:
                self._arrived(aggregate, tasks)
            while not (actor := self.live.find(aggregate)).deliver(tasks, helps=helps):
                self.check_usable()  # the actor has just retired: find a new one
        except NotExecuted:
            if not (tasks and tasks[0].retry and self._answered_before(aggregate, tasks[0])):
                raise
            return None
        return actor

    def _answered_before(self, aggregate: AggregateId, task: Task) -> bool:
        """Whether a refused command was accepted before; then it gets its first answer."""
        if self.closed is not Forked:  # in a fork, locks of the parent's threads stay locked
            actor = self.live.get(aggregate)
            if actor is not None and actor.joins(task):
                return True
        answer = self.services.retries.looked_up(self.deciders[aggregate.type], aggregate, task)
        if answer is not None:
            self.services.observers.ended([Answered.of(aggregate, task, answer)])
            settle([(task, answer)])
        return answer is not None

    def refused(
        self, aggregate: AggregateId, commands: Sequence[Command], error: ComityError
    ) -> None:
        """Tell observers that these commands were not sent because of this error."""
        self.services.observers.ended(
            [Answered(aggregate, command, Sender(), "", error) for command in commands]
        )

    def _arrived(self, aggregate: AggregateId, tasks: Sequence[Task]) -> None:
        tell = self.services.observers.arrived
        assert tell is not None
        for task in tasks:
            tell(Arrived(aggregate, task.command, task.sender, task.id, task.preview))

    # --- looking --------------------------------------------------------------------------------

    def state_at(
        self, decider: Decider[S, C, E], aggregate: AggregateId, version: int | None = None
    ) -> tuple[S, int]:
        """An aggregate's durable state and its version; at `version`, or the newest without it."""
        self.check_usable()
        return state_at(decider, self.journal, aggregate, version)

    def version(self, aggregate: AggregateId) -> int:
        """How many durable events the aggregate has."""
        self.check_usable()
        return self.journal.version(aggregate)

    def statistics(self) -> Statistics:
        """Counts since the start, and the current load."""
        live = self.live.all()
        depths = [actor.waiting for actor in live]
        tally, figures = self._tally, self.journal.figures()
        busy_since = self.services.committer.busy_since
        return Statistics(
            uptime=self.runtime.monotonic() - self._started,
            live=len(live),
            undecided=sum(depths),
            deepest=max(depths, default=0),
            unanswered=sum(actor.unanswered for actor in live),
            threads=self.services.executor.threads,
            position=figures.position,
            commits=tally.commits,
            events=tally.events,
            events_per_commit=tally.events / max(1, tally.commits),
            commit_age=0.0 if busy_since is None else self.runtime.monotonic() - busy_since,
            failed_commits=tally.failed_commits,
            ends=tally.ends,
            conflicts=tally.conflicts,
            size=figures.size,
            sharers=self.sharing.sharers(),
        )

    def health(self, limits: HealthLimits) -> Health:
        """See `Domain.health`."""
        return health_of(self._standing(), self._statuses(), moment(self.runtime.now()), limits)

    def prometheus(self, limits: HealthLimits) -> str:
        """See `Domain.prometheus`."""
        standing, said = self._standing(), self._statuses()
        health = health_of(standing, said, moment(self.runtime.now()), limits)
        figures = None
        if not standing.closed:
            with suppress(ComityError):  # a broken journal must not hide the rest
                figures = self.statistics()
        return prometheus_text(said, health, figures)

    def _statuses(self) -> Statuses:
        if self.closed is not None:
            return Statuses()
        return statuses_of(self.models, self.outlets, self.processes)

    def _standing(self) -> Standing:
        try:
            self.check_usable()
        except (Closed, Forked) as error:
            return Standing(str(error))
        now, busy_since = self.runtime.monotonic(), self.services.committer.busy_since
        age = 0.0 if busy_since is None else max(0.0, now - busy_since)
        waited, outage = self.sharing.waited(), self.services.committer.outage()
        return Standing("", age, *waited, *outage, max(0.0, now - self._cared))

    # --- following ------------------------------------------------------------------------------

    def listen(self, listener: Listener, after: int, branch: str) -> Subscription:
        """Feed a listener all events after a position and each new one until it is closed."""
        self.check_usable()
        check_lineage(self.journal.lineage(), branch, check_whole(after, "after"))
        heard = [one for one in self.deciders.values() if one.name not in self.processes.names]
        without = self.processes.names
        subscription = Subscription(self.services, heard, listener, after, without=without)
        with self._subscribing:
            self.subscriptions = (*self.subscriptions, subscription)
        if self.closed is not None:  # closing may have missed this subscription
            subscription.close()
        self.sharing.follow()
        subscription.wake()
        return subscription

    def stream(
        self, decider: Decider[S, C, E], aggregate: AggregateId, from_version: int
    ) -> EventStream[E]:
        """Stream an aggregate's events after a version."""
        stream = EventStream(
            self.journal, decider, aggregate, from_version, self.bells, decider.retired
        )
        self.sharing.follow()
        return stream

    def _is_followed(self) -> bool:
        """Whether anything here wants to hear of the commits of other processes."""
        return (
            self.bells.wanted
            or any(one.follows for one in (self.models, self.processes, self.outlets))
            or any(not one.is_closed for one in self.subscriptions)
        )

    def _hear(self) -> None:
        """Wake the followers, because the journal has news, perhaps from another writer.

        While the committer writes, it wakes them itself after its answers: then the events are in
        memory.
        """
        self._unheard = True
        if self.services.committer.busy_since is None:
            self._tell_all()

    def _tell_all(self) -> None:
        self._wake_followers()
        self.bells.ring_all()

    def _broadcast(self, changed: Iterable[AggregateId]) -> None:
        """Wake followers and streams; `changed` are the aggregates that this domain changed.

        If another writer appended too, all streams are woken.
        """
        self._wake_followers()
        if self.bells.wanted:
            others = self.journal.position() - self._tally.events
            before, self._others = self._others, others
            self.bells.ring(changed) if others == before else self.bells.ring_all()

    def _wake_followers(self) -> None:
        self._unheard = False
        self.models.wake()
        self.processes.wake()
        self.outlets.wake()
        for subscription in self.subscriptions:
            subscription.wake()

    def _chores(self) -> None:
        """Do the periodic work, a few times a second."""
        self._cared = self.runtime.monotonic()
        for chore in (
            self.services.executor.relieve, self.live.look_after, self.models.look_after,
            self.processes.look_after, self.sharing.look_after,
        ):  # fmt: skip
            attempt(chore)
        if self._unheard:  # the news came when the committer had just finished
            self._tell_all()
        self.services.timers.call_later(self.policy.chores, self._chores)


def by_name(deciders: Iterable[AggregateType]) -> Mapping[str, AnyDecider]:
    """Deciders by their names.

    Raises:
        WiringError: an item is not a decider, or two deciders have the same name.
    """
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
