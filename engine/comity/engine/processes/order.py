"""An order: a command that a process gives to an aggregate. `react` yields it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from comity.engine.aggregate_id import check_key, check_text
from comity.engine.arguments import check_whole
from comity.engine.errors import Invalid
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Order:
    """A command for an aggregate, to be sent once the step that gives it is durable.

    It takes effect once, whatever is killed when. Its answer comes back as `Answered`.

    Args:
        decider: the aggregate's type, one of the process's `orders`.
        key: the aggregate's key.
        command: one of the decider's commands.
        name: what `Answered.order` says; by default the command's stored name.
        seen: the version that the command is written on; None: the newest.

    Raises:
        Invalid: the command is not one of the decider, or the key or name cannot be one.

    Example:
        yield Order(flights, "LH1", ReserveSeat(trip="t1"), name="flight")
    """

    __slots__ = ("command", "decider", "key", "name", "seen")

    def __init__(
        self,
        decider: Decider[S, C, E],
        key: str,
        command: C,
        *,
        name: str = "",
        seen: int | None = None,
    ) -> None:
        if not isinstance(cast("object", decider), Decider):
            raise Invalid(f"Order: expected a decider first, such as flights, got {decider!r:.100}")
        if type(command) not in decider.command_set:
            names = ", ".join(sorted(kind.__name__ for kind in decider.commands))
            msg = f"Order: {command!r:.200} is not a command of {decider.name}; it has {names}"
            raise Invalid(msg)
        self.decider = cast("AnyDecider", decider)
        self.key = check_key(key)
        self.command: Command = command
        self.name = check_text(name, "an order's name") if name else command.stored_as
        self.seen = None if seen is None else check_whole(seen, "Order: seen")

    def _parts(self) -> tuple[object, ...]:
        return self.decider.identity, self.key, self.command, self.name, self.seen

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Order) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        name = "" if self.name == self.command.stored_as else f", name={self.name!r}"
        seen = "" if self.seen is None else f", seen={self.seen}"
        return f"Order({self.decider.name}, {self.key!r}, {self.command!r}{name}{seen})"
