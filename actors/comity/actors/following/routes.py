"""Which events a follower gives to its consumer, and what loads them."""

from __future__ import annotations

import abc
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from comity.engine.history.history import recorded
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.event_types import Loader

_log = logging.getLogger("comity")


class Wanted(NamedTuple):
    """Which events of an aggregate type are wanted, and what loads them."""

    loader: Loader[Event]
    without: frozenset[str] = frozenset()
    """The stored names of those that are not. Another one, which nobody knows, may be one that is,
    renamed: it is loaded, which fails, and the follower stands."""


class Routes(abc.ABC):
    """Finds what loads an event. It belongs to its aggregate's type, since two deciders may call
    different events alike.

    Args:
        by_type: for each aggregate type that is known what is wanted of it, if anything is.
    """

    def __init__(self, by_type: Mapping[str, Wanted | None]) -> None:
        self._by_type = by_type

    @abc.abstractmethod
    def meet_stranger(self, record: Record) -> None:
        """A record of an aggregate type that nobody knows: it is passed over, unless this raises.

        Raises:
            UnreadableEvent: the follower is to stand before it.
        """

    def events(self, record: Record) -> Iterator[Recorded[Event]]:
        """The record's events that are wanted.

        Raises:
            UnreadableEvent: one of them cannot be loaded, or may be wanted or not.
        """
        kind = record.aggregate.type
        wanted = self._by_type.get(kind)
        if wanted is None and kind not in self._by_type:
            self.meet_stranger(record)
        return recorded(wanted.loader, record, wanted.without) if wanted else iter(())

    def lead(self, at: Recorded[Event]) -> bool:
        """Whether an event that is loaded already is wanted."""
        wanted = self._by_type.get(at.aggregate.type)
        return wanted is not None and at.event.stored_as not in wanted.without


class EveryEvent(Routes):
    """Every event of a domain's aggregate types; others are passed over, which is said once.

    Args:
        name: who gets them, for the log.
    """

    def __init__(self, name: str, deciders: Iterable[AnyDecider]) -> None:
        super().__init__({decider.name: Wanted(decider) for decider in deciders})
        self._name = name
        self._strangers: set[str] = set()

    def meet_stranger(self, record: Record) -> None:
        """Say once for each type that its events are passed over."""
        kind = record.aggregate.type
        if kind not in self._strangers:
            self._strangers.add(kind)
            _log.warning(
                "%s: the events of %s are passed over, which the domain was not opened with",
                self._name, kind,
            )  # fmt: skip
