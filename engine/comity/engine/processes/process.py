"""Processes: work that goes on over several aggregates, in pure functions; the decider's sister."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import make_dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar, cast

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Invalid
from comity.engine.history.recorded import Recorded
from comity.engine.merging.at import At
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, AnyDecider, Decider
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused
from comity.engine.messages.code import code_of
from comity.engine.messages.event_types import EventTypes
from comity.engine.messages.message import Event
from comity.engine.messages.state_codec import StateCodec
from comity.engine.processes import evolving
from comity.engine.processes.answered import Answered
from comity.engine.processes.commands import Hear, ProcessCommand, Ring, TakeAnswer
from comity.engine.processes.deciding import deciding
from comity.engine.processes.events import Copied, OrderAnswered, OrderGiven, ProcessEvent
from comity.engine.processes.functions import Functions
from comity.engine.processes.given_order import GivenOrder, given_order
from comity.engine.processes.heard import Heard
from comity.engine.processes.hearing import First, event_of, told
from comity.engine.processes.instance import Instance, OpenOrder
from comity.engine.processes.rang import Rang
from comity.engine.processes.reaction import Reaction
from comity.engine.processes.telling import hear, take_answer, where
from comity.engine.processes.wiring import (
    Start,
    check_initial,
    check_most,
    check_name,
    check_orders,
    check_retired,
    check_start,
    check_starts,
    check_things,
    events_of,
    takes_heard,
)

S = TypeVar("S")
E = TypeVar("E", bound=Event)

_FORM = b"1"
"""To be changed when the bookkeeping of an instance changes; then snapshots are made anew."""


class TimerRow(Protocol):
    """A timer that is set, as `TimerSet` tells it."""

    @property
    def name(self) -> str:
        """The timer's name."""
        ...

    @property
    def number(self) -> int:
        """Which of the instance's timers it is."""
        ...


class ProcessType:
    """The base of every `Process[S, E]`: the element type for lists of processes."""

    name: str


class Process(ProcessType, Generic[S, E]):
    """The definition of a process: what it hears, and what it orders because of that.

    Each instance keeps a state of its own, and has a history in the journal as an aggregate of
    type `name`. Its functions are pure: `react` says what is to be done, and comity does it.

    Args:
        name: the process's name, a-z, 0-9, _ and -; the journal stores it for ever. No decider of
            the domain may have it.
        initial: makes the state of a new instance, usually the state's class.
        key: `(event) -> str | None`: which instance the event belongs to; None: it is not for this
            process. Its annotation names the event classes. With a second parameter,
            `heard: Heard`, it is told whose event it is, when, and by whom.
        evolve: `(state, thing) -> state`. The thing is an event, `Answered` or `Rang`. It may
            change the state in place and return it. A third parameter `heard: Heard` is optional.
        react: `(state, thing) -> orders`: called after `evolve`, with the new state. It yields
            `Order`, `SetTimer`, `CancelTimer` and `End`, or nothing. A third parameter
            `heard: Heard` is optional.
        starts: the classes of the events that begin an instance. Others are passed over if their
            instance has not begun, or has ended.
        orders: the deciders that the process may give orders to.
        start: where the process begins if the journal exists already: "now", "beginning", or the
            position after which it hears events. The journal keeps it when a domain is opened with
            the process for the first time; from then on it has no effect.
        revision: increase it when a change of code that `evolve` or `key` calls changes the state,
            or the key.
        retired: the stored names of events that the process has heard, and that have no class any
            more. They change nothing.
        most_steps: how many steps of an instance may follow one from the other, without an event
            from outside or a timer that waits for a second. More is a loop, and fails.
        most_hops: how many orders of processes may lead to a command, one through the other.

    Raises:
        WiringError: the annotations do not fit each other, a function is async or has other
            parameters, or an argument is wrong. The text says what to write.

    Example:
        def key(event: TripEvent) -> str: return event.trip

        def evolve(trip: Trip, thing: TripEvent | Answered | Rang) -> Trip:
            match thing:
                case TripRequested(flight=flight):
                    trip.flight = flight
                case Answered(order="flight", refused=False):
                    trip.booked.append("flight")
            return trip

        def react(trip: Trip, thing: TripEvent | Answered | Rang) -> Iterator[Order | End]:
            match thing:
                case TripRequested(trip=id, flight=flight):
                    yield Order(flights, flight, ReserveSeat(trip=id), name="flight")
                case Answered():
                    yield End()

        trip = Process(
            "trip", Trip, key, evolve, react, starts=[TripRequested], orders=[flights]
        )
    """

    def __init__(
        self,
        name: str,
        initial: Callable[[], S],
        key: Callable[[E], str | None] | Callable[[E, Heard], str | None],
        evolve: Callable[[S, E | Answered | Rang], S]
        | Callable[[S, E | Answered | Rang, Heard], S],
        react: Callable[[S, E | Answered | Rang], Iterable[Reaction]]
        | Callable[[S, E | Answered | Rang, Heard], Iterable[Reaction]],
        *,
        starts: Iterable[type[Event]],
        orders: Iterable[AggregateType] = (),
        start: Start = "now",
        revision: int = 1,
        retired: Iterable[str] = (),
        most_steps: int = 1_000,
        most_hops: int = 100,
    ) -> None:
        self.name = check_name(name)
        kind = type(check_initial(initial, name))
        called = (
            _hearing(key, "event", f"{name}: key"),
            _hearing(evolve, "state, thing", f"{name}: evolve"),
            _hearing(react, "state, thing", f"{name}: react"),
        )
        self.events = cast("tuple[type[E], ...]", events_of(key, name))
        """The event classes that it hears, in the order of the union."""
        self.event_set = frozenset(self.events)
        check_things(evolve, self.events, f"{name}: evolve")
        check_things(react, self.events, f"{name}: react")
        self.starts = check_starts(starts, self.events, name)
        """The classes of the events that begin an instance."""
        self.orders = check_orders(orders, name)
        """The deciders that it may give orders to, by name."""
        self.start = check_start(start, name)
        """Where it begins, unless the journal keeps another position."""
        self.retired = check_retired(retired, self.events, name)
        """The stored names of the events that it has heard and that have no class any more."""
        types = EventTypes(name, self.events, self.retired)
        self.key_code = f"{revision}:".encode() + code_of(key)
        """What `key` gives: the agenda is built anew if it changes."""
        self._functions: Functions[S, E] = Functions(
            name, initial, *called, types=types, starts=self.starts, deciders=self.orders,
            most_steps=check_most(most_steps, f"{name}: most_steps"),
            most_hops=check_most(most_hops, f"{name}: most_hops"),
        )  # fmt: skip
        made = make_dataclass(f"{name}_instance", [("state", kind)], bases=(Instance,))
        self.decider: Decider[Instance[S], ProcessCommand, ProcessEvent] = Decider(
            name,
            lambda: cast("Instance[S]", made(initial())),
            deciding(self._functions),
            evolving.evolving(self._functions),
            revision=revision,
        )
        """The decider of the instances. The runner sends its commands, nobody else does."""
        self.decider.states = StateCodec(
            cast("type[Instance[S]]", made), evolve, revision, takes_at=True,
            reading=_FORM + code_of(evolving.evolving) + types.code + _upcasts(self.orders),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Process({self.name!r})"

    @property
    def functions(self) -> Functions[S, E]:
        """Its functions, as they are called; `comity.testing` switches them."""
        return self._functions

    def key_of(self, recorded: Recorded[Event]) -> str | None:
        """Return which instance an event belongs to; None: it is not for this process.

        Raises:
            ProcessFailed: `key` raised, or gave something that is no key.
        """
        if type(recorded.event) not in self.event_set:
            return None
        return self._functions.key(cast("E", recorded.event), where(recorded))

    def hear(self, recorded: Recorded[Event]) -> Hear:
        """Make the command by which its instance hears an event.

        Raises:
            Invalid: the event is not for this process.
            ProcessFailed: as `key_of`.
        """
        key = self.key_of(recorded)
        if key is None:
            msg = f"{self.name}: it does not hear {recorded.event!r:.200}"
            raise Invalid(f"{msg} (position {recorded.position})")
        return hear(recorded, key)

    def take_answer(self, number: int, answer: Receipt[Event] | Refused) -> TakeAnswer:
        """Make the command by which an instance takes the answer to one of its orders."""
        return take_answer(number, answer)

    def ring(self, timer: TimerRow) -> Ring:
        """Make the command by which a timer of an instance rings."""
        return Ring(name=timer.name, number=timer.number)

    def event_heard(self, heard: Copied) -> E:
        """Return the event that an instance has heard, as one of today's class.

        Raises:
            UnreadableEvent: the process does not hear such events any more, or its class does not
                read it.
        """
        return event_of(self._functions, heard)

    def order_of(self, given: OrderGiven, key: str) -> GivenOrder:
        """Return an order of the instance with this key as it is to be sent.

        Raises:
            UnreadableOrder: its decider is not among `orders`, or its command has no class any
                more.
        """
        command = self._functions.command(given.type, given.command, given.schema_of, given.data)
        return given_order(AggregateId(self.name, key), given, self.orders[given.type], command)

    def ordered(self, order: OpenOrder) -> Command:
        """Return the command of an open order; raises `UnreadableOrder`."""
        return self._functions.command(order.type, order.command, order.schema, order.data)

    def reactions(self, instance: Instance[S], first: First, at: At) -> list[Reaction]:
        """Return what `react` gives for the event that begins a step, for tests.

        Args:
            instance: before the step.
            first: the event.
            at: when the step is decided, and of which instance.

        Raises:
            ProcessFailed: `evolve` or `react` failed.
        """
        if isinstance(first, OrderAnswered) and not evolving.is_told(instance, first.number):
            return []
        thing, heard, _ = told(self._functions, instance, first, at)
        state = instance.state if instance.running else self._functions.initial()
        return self._functions.tried(state, thing, heard)


AnyProcess: TypeAlias = Process[object, Event]
"""A process whose types of state and event are not known."""


def _upcasts(orders: Mapping[str, AnyDecider]) -> bytes:
    """The code that reads the commands that were answered; `evolve` is told them."""
    commands = [kind for _, decider in sorted(orders.items()) for kind in decider.commands]
    return b"".join(step.code for kind in commands for step in kind.__steps__)


def _hearing(function: Callable[..., object], usual: str, where: str) -> Callable[..., object]:
    """Wrap a function of the domain to take `heard` last, passed on only if it asks for it."""
    if takes_heard(function, usual, where):
        return function

    def call(*told: object) -> object:
        return function(*told[:-1])

    return call
