"""The events of another system that a receiver can read: those of a decider, or a list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar, cast

from comity.engine import Event, Invalid, WiringError
from comity.engine.aggregate_id import check_type_name
from comity.engine.arguments import check_several
from comity.engine.messages.message import names_of

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


class KnownEvents(Protocol[E_co]):
    """The events of one aggregate type: a `Decider` is one, and so are `ForeignEvents`."""

    @property
    def name(self) -> str:
        """The name of the aggregate type, as its own system has it."""
        ...

    @property
    def events(self) -> Sequence[type[E_co]]:
        """The classes of the events."""
        ...


class ForeignEvents(Generic[E]):
    """The events of another system that this one reads, with classes of its own.

    The receiver writes only the classes and fields that it needs. A class may have another name:
    `stored_as = "OrderPlaced"` says that of the sender. Its `schema_version` is that of the
    sender's class for which it was written. A newer sender is understood if it says
    `readable_from`.

    Args:
        name: the name of the sender's decider.
        events: the classes.

    Raises:
        WiringError: it is no name, there are no classes, or two of them have one name.

    Example:
        orders = ForeignEvents[OrderPlaced | OrderCancelled]("order", [OrderPlaced, OrderCancelled])
        received = from_cloud_event(cloud_event, orders)
    """

    def __init__(self, name: str, events: Iterable[type[E]]) -> None:
        try:
            self.name = check_type_name(name)
        except (Invalid, TypeError) as error:
            raise WiringError(f"ForeignEvents: {error}") from None
        self.events = tuple(check_several(events, f"ForeignEvents({name!r})", WiringError))
        kinds = cast("tuple[object, ...]", self.events)
        wrong: list[object] = [
            one for one in kinds if not (isinstance(one, type) and issubclass(one, Event))
        ]
        if wrong or not kinds:
            got = f"{wrong[0]!r:.100}" if wrong else "none"
            raise WiringError(f"ForeignEvents({name!r}): expected classes of events, got {got}")
        names = [told for kind in self.events for told in names_of(kind)]
        twice = sorted({told for told in names if names.count(told) > 1})
        if twice:
            msg = f"ForeignEvents({name!r}): two of its classes are called {', '.join(twice)}"
            raise WiringError(msg)

    def __repr__(self) -> str:
        return f"ForeignEvents({self.name!r})"
