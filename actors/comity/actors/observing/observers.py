"""All observers of one domain, as the rooms above call them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from comity.actors.observing.observer import Observer
from comity.engine.arguments import check_several
from comity.engine.errors import WiringError

if TYPE_CHECKING:
    from comity.actors.observing.facts import (
        Arrived,
        Committed,
        Ended,
        Loaded,
        Merged,
        Stepped,
    )

F = TypeVar("F")

Hook: TypeAlias = "Callable[[F], None]"

_log = logging.getLogger("comity")


class Observers:
    """All observers of a domain, with one callable for each hook.

    `arrived`, `merged`, `stepped` and `loaded` are None if no observer overrides that hook, so that
    the caller need not make the fact.

    Args:
        own: the domain's statistics, which are called first and do not fail.
        observers: the host's observers.
    """

    def __init__(self, own: Observer | None = None, observers: Iterable[Observer] = ()) -> None:
        several = check_observers(observers)
        self.arrived: Hook[Arrived] | None = _all(several, Observer.arrived)
        self.merged: Hook[Merged] | None = _all(several, Observer.merged)
        counting = own or Observer()
        committed, ended = _all(several, Observer.committed), _all(several, Observer.ended)
        self.committed: Hook[Committed] = _both(counting.committed, committed)
        self.ended: Hook[Sequence[Ended]] = _both(counting.ended, ended)
        self.stepped: Hook[Stepped] | None = _all(several, Observer.stepped)
        self.loaded: Hook[Loaded] | None = _all(several, Observer.loaded)


def check_observers(observers: Iterable[Observer]) -> Sequence[Observer]:
    """Return the observers as a sequence.

    Raises:
        WiringError: `observers` is no iterable of observers.
    """
    several = check_several(observers, "observers", WiringError)
    for one in several:
        if not isinstance(cast("object", one), Observer):
            msg = f"observers: expected objects of subclasses of Observer, got {one!r:.100}"
            raise WiringError(msg)
    return several


def _all(observers: Sequence[Observer], hook: Callable[[Observer, F], None]) -> Hook[F] | None:
    """Make one callable for all observers that override this hook; None: none does."""
    name = hook.__name__
    hooks = [getattr(one, name) for one in observers if getattr(type(one), name) is not hook]
    if not hooks:
        return None

    def tell(fact: F) -> None:
        for one in hooks:
            try:
                one(fact)
            except BaseException:  # host code may raise anything
                kind = type(getattr(one, "__self__", one)).__name__
                _log.exception("the observer %s failed in `%s`; the domain goes on", kind, name)

    return tell


def _both(own: Hook[F], hosts: Hook[F] | None) -> Hook[F]:
    """Make one callable of both hooks; without a host's hook, the domain's own is faster."""
    if hosts is None:
        return own

    def tell(fact: F) -> None:
        own(fact)
        hosts(fact)

    return tell
