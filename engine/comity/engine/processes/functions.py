"""The domain's functions of a process, called in one way, with errors that name the process."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import NoneType
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar, cast

from comity.engine.aggregate_id import AggregateId, check_key
from comity.engine.errors import Invalid, ProcessFailed, UnreadableOrder
from comity.engine.messages.event_types import EventTypes
from comity.engine.messages.message import Event
from comity.engine.processes.answered import Answered
from comity.engine.processes.events import INSTALLED
from comity.engine.processes.heard import Heard
from comity.engine.processes.order import Order
from comity.engine.processes.rang import Rang
from comity.engine.processes.reaction import End, Reaction
from comity.engine.processes.timers import CancelTimer, SetTimer
from comity.engine.text import told

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider

S = TypeVar("S")
E = TypeVar("E", bound=Event)
R = TypeVar("R")

Thing: TypeAlias = Event | Answered | Rang
"""What `evolve` and `react` are told."""

_log = logging.getLogger("comity")

MOST_REACTIONS: Final = 10_000
"""How much one step may order, and a guard against a `react` that yields for ever."""


class NoKey(ProcessFailed):
    """A text that no instance can have as its key: an event with it is nobody's."""


class Functions(Generic[S, E]):
    """The functions of one process, with the classes that they need.

    Args:
        name: the process.
        initial: makes the state of a new instance.
        key, evolve, react: the domain's functions, always with `heard`.
        types: its event classes.
        starts: the classes that begin an instance.
        deciders: those that it may give orders to, by name.
        most_steps, most_hops: see `Process`.
    """

    def __init__(
        self,
        name: str,
        initial: Callable[[], S],
        key: Callable[[E, Heard], object],
        evolve: Callable[[S, Thing, Heard], object],
        react: Callable[[S, Thing, Heard], object],
        *,
        types: EventTypes[E],
        starts: frozenset[type[Event]],
        deciders: Mapping[str, AnyDecider],
        most_steps: int,
        most_hops: int,
    ) -> None:
        self.name = name
        self.initial = initial
        self.types = types
        self.starts = starts
        self.deciders = deciders
        self.most_steps = most_steps
        self.most_hops = most_hops
        self.react = react
        """The domain's `react`; `comity.testing` switches it."""
        self._key, self._evolve = key, evolve
        self._nothing = type(initial()) is NoneType

    def command(self, type_: str, name: str, schema: int, data: bytes) -> Command:
        """Make the command of an order from its stored form.

        Raises:
            UnreadableOrder: its decider or class is gone, or its fields do not fit any more.
        """
        decider = self.deciders.get(type_)
        if decider is None:
            msg = f"{self.name}: it has ordered {name} of {type_}, and that is not among its orders"
            raise UnreadableOrder(
                f"{msg} any more; put the decider back, or end the instance by hand"
            )
        try:
            return decider.load_command(name, schema, data)
        except Invalid as error:
            msg = f"{self.name}: it has ordered {name}, which cannot be read any more: {error}"
            raise UnreadableOrder(
                f"{msg}; put the class back, or name the old one among its aliases, or end the "
                "instance by hand"
            ) from None

    def key(self, event: E, heard: Heard) -> str | None:
        """Return which instance an event belongs to; None: it is not for this process.

        Raises:
            NoKey: `key` gave a text that no instance can have.
            ProcessFailed: `key` raised, or gave something that is no text.
        """
        what = f"{self.name}: key"
        key = self._called(what, event, lambda: self._key(event, heard))
        if key is None:
            return None
        why = "it is reserved: its stream keeps where the process begins"
        try:
            if check_key(cast("str", key)) != INSTALLED:
                return cast("str", key)
        except Invalid as error:
            why = told(error, 200)
        failure = NoKey if isinstance(key, str) else ProcessFailed
        raise failure(f"{what} gave {key!r:.100} for {type(event).__name__}: {why}")

    def evolve(self, state: S, thing: Thing, heard: Heard) -> S:
        """Return the state after a thing was heard. The given state may be changed in place.

        Raises:
            TypeError: the domain's `evolve` returned nothing; or whatever it raises.
        """
        after = self._evolve(state, thing, heard)
        if after is None and not self._nothing:
            raise TypeError("evolve returned None instead of the state: end it with `return`")
        return cast("S", after)

    def tried(self, state: S, thing: Thing, heard: Heard) -> list[Reaction]:
        """Return what follows from a thing: `evolve`, then `react`, on a copy of the state.

        Raises:
            ProcessFailed: a function of the domain raised, or gave something that it must not.
        """
        where = f"{AggregateId(self.name, heard.key)}"
        mine = self._called(f"{where}: the copy of the state", thing, lambda: copy.deepcopy(state))
        after = self._called(f"{where}: evolve", thing, lambda: self.evolve(mine, thing, heard))
        given = self._called(
            f"{where}: react", thing, lambda: self._listed(self.react(after, thing, heard))
        )
        if len(given) > MOST_REACTIONS:
            msg = f"{where}: react gave more than {MOST_REACTIONS:,} orders and timers on one event"
            raise ProcessFailed(f"{msg}, and may be without end; give fewer in one step")
        for one in given:
            if not isinstance(one, (Order, SetTimer, CancelTimer, End)):
                wanted = "expected Order, SetTimer, CancelTimer or End"
                raise ProcessFailed(f"{where}: react gave {one!r:.200}: {wanted}")
        return cast("list[Reaction]", given)

    def _listed(self, given: object) -> list[object]:
        if given is None:
            raise TypeError("react returned None instead of a list: yield, or return ()")
        return list(islice(cast("Iterable[object]", given), MOST_REACTIONS + 1))

    def _called(self, what: str, thing: Thing, call: Callable[[], R]) -> R:
        """Call a function of the domain, so that whatever it raises fails this step only."""
        try:
            return call()
        except Exception as error:  # also a Rejected: nothing was asked that could be refused
            name = _named(thing)
            _log.error("%s failed on %s", what, name, exc_info=error)
            msg = f"{what} failed on {name}: {type(error).__name__}: {told(error, 300)}"
            raise ProcessFailed(f"{msg}; nothing was changed") from None


def _named(thing: Thing) -> str:
    match thing:
        case Answered(order=order):
            return f"the answer to {order!r}"
        case Rang(timer=timer):
            return f"the timer {timer!r}"
        case event:
            return type(event).__name__
