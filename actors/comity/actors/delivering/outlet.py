"""Outlets: they deliver events to other systems, which may fail. Domains derive from `Outlet`.

An outlet depends only on event classes, not on other code of the write side.
"""

from __future__ import annotations

import typing
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.delivering.any_outlet import AnyOutlet
from comity.actors.delivering.options import NAME, check_methods, check_options, check_spelling
from comity.engine.errors import WiringError
from comity.engine.messages.message import Event, names_of
from comity.engine.messages.unions import message_classes

if TYPE_CHECKING:
    from comity.actors.delivering.delivery import Delivery
    from comity.engine.history.recorded import Recorded

E = TypeVar("E", bound=Event)


class Outlet(AnyOutlet, Generic[E]):
    """Delivers events to another system: at least once, and in order for each key.

    Put the union of the events in brackets; they may come from several deciders. Open the domain
    with an instance, which may have what it needs: `Domain.open(..., outlets=[Mails(smtp)])`.

    `deliver` may be a plain function, which is called in many threads at once, or an async one,
    which runs on an event loop of the outlet's own. Make clients that belong to a loop in `open`.

    Example:
        class Mails(Outlet[CardAssigned | CardClosed]):
            start = "now"

            def __init__(self, smtp: Smtp) -> None:
                self.smtp = smtp

            async def deliver(self, event: CardAssigned | CardClosed, at: Delivery) -> None:
                await self.smtp.send(text_of(event), message_id=at.id)
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        events = _events_of(cls)
        if events is None:  # generic still, or a base of other outlets
            return
        cls.events = events
        cls.stored_as = _name_of(cls)
        names = [name for kind in events for name in names_of(kind)]
        twice = sorted({one for one in names if names.count(one) > 1})
        if twice:
            msg = f"{cls.__name__}: two event classes have the stored name {', '.join(twice)}"
            raise WiringError(f"{msg}; rename one")
        check_methods(cls, Outlet)
        check_spelling(cls)
        check_options(cls, cls.__name__)

    def key(self, event: E, at: Recorded[E]) -> str:
        """Which events are delivered in order, one after the other: those with the same key.

        By default the aggregate. It must be quick, deterministic, and 1 to 500 bytes long.
        """
        return str(at.aggregate)

    def deliver(self, event: E, at: Delivery[E]) -> Awaitable[None] | None:
        """Deliver an event. Raise to get it again later; give the receiver `at.id`.

        The same event may be delivered twice, for example after a crash.
        """
        raise NotImplementedError

    def open(self) -> Awaitable[None] | None:
        """Called before the first delivery, and again if deliveries go to a new event loop.

        If `deliver` is async, so may be this, on the same loop. If it raises, the outlet rests.
        """
        return None

    def close(self) -> Awaitable[None] | None:
        """Called after the last delivery, in the same way as `open`."""
        return None


def _events_of(cls: type[AnyOutlet]) -> frozenset[type[Event]] | None:
    for base in getattr(cls, "__orig_bases__", ()):
        origin: object = typing.get_origin(base)
        if isinstance(origin, type) and issubclass(origin, AnyOutlet):
            (asked,) = typing.get_args(base)
            if isinstance(asked, TypeVar):
                return None
            return frozenset(message_classes(asked, Event, f"{cls.__name__}: Outlet[...]"))
    found: frozenset[type[Event]] | None = getattr(cls, "events", None)
    if found is None:
        msg = f"{cls.__name__}: declare the events that it delivers, as in Outlet[BoardEvent]"
        raise WiringError(msg)
    return found


def _name_of(cls: type[AnyOutlet]) -> str:
    name: object = cls.__dict__.get("stored_as") or cls.__name__
    if not isinstance(name, str) or not NAME.fullmatch(name):
        msg = f"{cls.__name__}.stored_as: expected a folder's name such as Mails_2, got {name!r}"
        raise WiringError(msg)
    return name
