"""A pykka actor without a thread of its own: it runs on a pool when its inbox holds something.

A pykka.ThreadingActor takes a thread (22,228 of them were the limit of one machine) and lets a
BaseException in one actor stop all others. This one keeps pykka's contract, an inbox that is taken
one message at a time, and adds a bound, a closing that loses nothing, and isolation.
"""

from __future__ import annotations

import abc
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NoReturn, Protocol, Self, TypeVar

import pykka

from comity.engine.errors import Busy

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Executor

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_log = logging.getLogger("comity")

_NOTHING: Final[list[Any]] = []


class Envelope(Protocol[T_co]):
    """What pykka's refs put into an inbox; their own class has no public name."""

    @property
    def message(self) -> T_co:
        """What was told."""
        ...


class Inbox(Generic[T]):
    """The messages of one actor, in order: pykka's four methods, and what a bound needs."""

    __slots__ = ("_actor", "_messages")

    def __init__(self, actor: PooledActor[T]) -> None:
        self._actor = actor
        # A deque takes 760 bytes, and there may be 100,000 of them: those that are empty share one
        # list, which nobody changes.
        self._messages: list[T] = _NOTHING

    def put(self, envelope: Envelope[T], /) -> None:
        """What `actor_ref.tell(message)` calls."""
        if not self._actor.deliver([envelope.message]):
            msg = f"{self._actor.actor_urn} takes no more messages"
            raise pykka.ActorDeadError(msg)

    def put_all(self, messages: Sequence[T]) -> None:
        """Add some at the end."""
        if self._messages:
            self._messages.extend(messages)
        else:
            self._messages = list(messages)

    def get(self) -> NoReturn:
        """Nobody takes a message alone: a turn takes some at once."""
        raise NotImplementedError

    def take(self, most: int) -> list[T]:
        """Take up to so many from the front."""
        if len(self._messages) <= most:
            taken, self._messages = self._messages or [], _NOTHING
        else:
            taken, self._messages = self._messages[:most], self._messages[most:]
        return taken

    def take_if(self, wanted: Callable[[T], bool]) -> list[T]:
        """Take those that are wanted, and leave the others in their order."""
        taken = [message for message in self._messages if wanted(message)]
        if taken:
            self._messages = [message for message in self._messages if not wanted(message)]
        return taken

    def holds(self, message: T) -> bool:
        """Whether it is in here."""
        return any(one is message for one in self._messages)

    def empty(self) -> bool:
        """Whether there is none."""
        return not self._messages

    def qsize(self) -> int:
        """How many there are."""
        return len(self._messages)


class _Stopped(threading.Event):
    """Whether an actor takes no more messages, as pykka's refs ask it."""

    def __init__(self, actor: PooledActor[T]) -> None:
        self._actor = actor

    def is_set(self) -> bool:
        return self._actor.retired

    def wait(self, timeout: float | None = None) -> bool:
        msg = "nothing waits for a pooled actor to stop: see PooledActor.retire"
        raise NotImplementedError(msg)


class PooledActor(pykka.Actor, Generic[T]):
    """An actor that takes turns on a pool. Subclasses handle messages in `on_turn`."""

    __slots__ = (
        "_capacity",
        "_executor",
        "_gate",
        "_inbox",
        "_name",
        "_parked",
        "_queued",
        "_retired",
        "_scheduled",
        "actor_inbox",
    )  # fmt: skip

    TURN: ClassVar[int] = 256
    """The most messages that it takes in one turn, so that others get theirs."""

    def __init__(self, executor: Executor, name: object, capacity: int) -> None:
        # In place of pykka's own __init__: a URN from the name instead of a random one, an inbox
        # that knows its actor, a ref and an event only for who asks for them, and slots: with what
        # empty actors share, a live aggregate takes 300 bytes less of 2,200.
        self._name = name
        self.actor_inbox = self._inbox = Inbox(self)
        self._executor = executor
        self._capacity = capacity
        self._gate = threading.Lock()  # guards the flags below, and the inbox
        self._scheduled = False  # a turn is wanted, or on
        self._queued = False  # a turn is wanted, and nobody has begun it
        self._parked = False
        self._retired = False

    @property
    def actor_ref(  # pyright: ignore[reportIncompatibleMethodOverride] - pykka has this very type
        self,
    ) -> pykka.ActorRef[Self]:
        """What pykka's other actors know of it."""
        return pykka.ActorRef(self)

    @property
    def actor_urn(  # type: ignore[override] # pyright: ignore[reportIncompatibleVariableOverride] - nobody sets it
        self,
    ) -> str:
        """What it is called."""
        return str(self._name)

    @property
    def actor_stopped(  # type: ignore[override] # pyright: ignore[reportIncompatibleVariableOverride] - nobody sets it
        self,
    ) -> threading.Event:
        """For pykka's refs: whether it takes no more messages."""
        return _Stopped(self)

    @staticmethod
    def _create_actor_inbox() -> NoReturn:
        raise NotImplementedError

    @staticmethod
    def _create_future() -> NoReturn:
        msg = "a pooled actor answers through Pending: send through a handle, do not ask its ref"
        raise NotImplementedError(msg)

    def _start_actor_loop(self) -> None:
        """Nothing runs until the first message."""

    @abc.abstractmethod
    def on_turn(self, messages: list[T]) -> None:
        """Handle these messages, in order. It must not raise; what it raises is only logged."""

    @property
    def waiting(self) -> int:
        """How many messages are in the inbox."""
        return self._inbox.qsize()

    @property
    def retired(self) -> bool:
        """Whether it takes no more messages."""
        return self._retired

    @property
    def busy(self) -> bool:
        """Whether a turn is on or wanted, or something is on its way."""
        return self._scheduled or self.backlog() > 0

    def backlog(self) -> int:
        """What is on its way, in the inbox or not."""
        return self._inbox.qsize()

    def admit(self, messages: Sequence[T]) -> Sequence[T]:
        """What of these goes into the inbox; nobody else delivers or takes meanwhile.

        Raises:
            Busy: they do not fit.
        """
        if self.backlog() + len(messages) > self._capacity:
            raise self._full()
        return messages

    def not_admitted(self, messages: Sequence[T]) -> None:
        """None of these went into the inbox. Others may deliver again."""

    def _full(self) -> Busy:
        msg = f"{self.actor_urn} has {self._capacity} commands on their way, its bound"
        return Busy(msg, retry_after=0.01)

    def more(self) -> bool:
        """Whether a turn is wanted although the inbox is empty."""
        return False

    def deliver(self, messages: Sequence[T], *, helps: bool = False) -> bool:
        """Add to the inbox and see to it that it is read. False: the actor has retired.

        Args:
            messages: what is to be handled.
            helps: the caller calls `run` next, so that no thread of the pool need be woken.

        Raises:
            Busy: they do not fit; none was added.
        """
        with self._gate:
            if self._retired:
                return False
            admitted = self.admit(messages)
            if admitted:
                self._inbox.put_all(admitted)
                if self._scheduled or self._parked:
                    return True
                self._scheduled = self._queued = True
        if not admitted:
            self.not_admitted(messages)
        elif not helps:
            self._executor.schedule(self)
        return True

    def run(self) -> None:
        """Take the turn that is wanted: the pool calls this, or a thread that waits for it."""
        with self._gate:
            if not self._queued:  # somebody else was quicker
                return
            self._queued = False
            messages = self._inbox.take(self.TURN)
        try:
            self.on_turn(messages)
        except BaseException:  # pykka would stop every actor of the process here
            _log.exception("%s failed in a turn", self.actor_urn)
        with self._gate:
            again = not self._parked and (not self._inbox.empty() or self.more())
            self._scheduled = self._queued = again
        if again:
            self._executor.schedule(self)

    def park(self) -> None:
        """Take no further turn until `wake`, whatever arrives. Only inside a turn."""
        with self._gate:
            self._parked = True

    def wake(self) -> None:
        """Take turns again, and one now even if the inbox is empty."""
        with self._gate:
            self._parked = False
            if self._scheduled or self._retired:
                return
            self._scheduled = self._queued = True
        self._executor.schedule(self)

    def nudge(self) -> None:
        """Have the pool take the turn that is wanted: who was to take it may have been killed."""
        if self._queued:
            self._executor.schedule(self)

    def take_if(self, wanted: Callable[[T], bool]) -> list[T]:
        """Take messages out of the inbox, from any thread, before a turn gets to them."""
        with self._gate:
            return self._inbox.take_if(wanted)

    def retire(self) -> bool:
        """Take no more messages, if nothing waits and no turn is on. False: it is busy."""
        with self._gate:
            if self._scheduled or self._parked or self.backlog():
                return False
            self._retired = True
        return True

    def drain(self) -> list[T]:
        """Take no more messages, and hand over those that wait: the domain is closing."""
        with self._gate:
            self._retired = True
            return self._inbox.take(self._inbox.qsize())
