"""Switches an outlet of a domain: adds faults to its `deliver`."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from comity.actors.delivering.options import is_async

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.delivering.delivery import Delivery
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.domain import Domain
    from comity.engine.messages.message import Event
    from comity.testing.switching.fault import Fault


class SwitchedOutlet:
    """Implements `Part`.

    Raises:
        WiringError: the domain has no such outlet, or several of this class.
    """

    def __init__(self, domain: Domain, outlet: AnyOutlet | type[AnyOutlet]) -> None:
        self._handle = domain.outlet(outlet)
        self._outlet = cast("Outlet[Event]", self._handle.outlet)
        self.name = self._outlet.stored_as

    def pause(self) -> None:
        """See `Part.pause`."""
        self._handle.pause()

    def resume(self) -> None:
        """See `Part.resume`."""
        self._handle.resume()

    def recover(self) -> None:
        """See `Part.recover`; also the events that it has parked."""
        self._handle.resume()
        self._handle.try_again()

    @contextmanager
    def faulty(self, fault: Fault) -> Generator[None]:
        """See `Part.faulty`. Other outlets of the class are not affected."""
        outlet = self._outlet
        deliver, own = outlet.deliver, vars(outlet).get("deliver")

        def plain(event: Event, at: Delivery[Event]) -> Awaitable[None] | None:
            fault.now()
            return deliver(event, at)

        async def on_loop(event: Event, at: Delivery[Event]) -> None:
            await fault.on_loop()
            await cast("Awaitable[None]", deliver(event, at))

        setattr(outlet, "deliver", on_loop if is_async(outlet) else plain)  # noqa: B010 - as for models
        try:
            yield
        finally:
            if own is None:
                delattr(outlet, "deliver")
            else:
                setattr(outlet, "deliver", own)  # noqa: B010
