"""The events that an outlet listens to, in a domain and in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from comity.actors.following.found_deciders import NAMING, found_deciders
from comity.actors.following.routes import SomeEvents

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.engine.merging.decider import AggregateType, AnyDecider


def outlet_routes(outlet: AnyOutlet, deciders: Sequence[AnyDecider]) -> SomeEvents:
    """The events of an outlet in a domain with these deciders.

    Raises:
        WiringError: the outlet listens to an event that no decider has.
    """
    return SomeEvents(type(outlet).__name__, outlet.events, deciders)


def found_outlet_routes(outlet: AnyOutlet, deciders: Iterable[AggregateType] | None) -> SomeEvents:
    """The events of an outlet without a domain; without deciders, these are found.

    Raises:
        WiringError: no decider has some of the outlet's events, or two deciders have one name.
    """
    kind = type(outlet)
    return _Found(kind.__name__, outlet.events, found_deciders(kind, outlet.events, deciders))


class _Found(SomeEvents):
    """Routes in a process of its own, which knows only some of the domain's deciders."""

    REMEDY: ClassVar[str] = f"name the deciders of the domain ({NAMING})"
