"""Selects the events that a follower gives to its consumer, and finds their loaders."""

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
    """The events of an aggregate type that are wanted, and their loader."""

    loader: Loader[Event]
    without: frozenset[str] = frozenset()
    """The stored names of the unwanted and retired events. An unknown name may be a wanted event
    that was renamed: loading it fails, and the follower stops before it."""


class Routes(abc.ABC):
    """Finds the loader of an event by its aggregate's type, since two deciders may use the same
    name for different events.

    Args:
        by_type: the wanted events of each known aggregate type; None if none is wanted.
    """

    def __init__(self, by_type: Mapping[str, Wanted | None]) -> None:
        self._by_type = by_type

    @abc.abstractmethod
    def meet_stranger(self, record: Record) -> None:
        """Handle a record of an unknown aggregate type; it is skipped unless this raises.

        Raises:
            UnreadableEvent: the follower must stop before the record.
        """

    def events(self, record: Record) -> Iterator[Recorded[Event]]:
        """The wanted events of a record.

        Raises:
            UnreadableEvent: an event cannot be loaded, or it is unknown whether it is wanted.
        """
        kind = record.aggregate.type
        wanted = self._by_type.get(kind)
        if wanted is None and kind not in self._by_type:
            self.meet_stranger(record)
        return recorded(wanted.loader, record, wanted.without) if wanted else iter(())

    def lead(self, at: Recorded[Event]) -> bool:
        """Whether a loaded event is wanted."""
        wanted = self._by_type.get(at.aggregate.type)
        return wanted is not None and at.event.stored_as not in wanted.without


class EveryEvent(Routes):
    """Wants every event of a domain's aggregate types; skips others, and logs each type once.

    Args:
        name: the consumer's name in the log.
        deciders: the aggregate types whose events are wanted.
        without: aggregate types whose events are not wanted.
    """

    def __init__(
        self, name: str, deciders: Iterable[AnyDecider], without: Iterable[str] = ()
    ) -> None:
        wanted = {decider.name: Wanted(decider, decider.retired) for decider in deciders}
        super().__init__({**wanted, **dict.fromkeys(without)})
        self._name = name
        self._strangers: set[str] = set()

    def meet_stranger(self, record: Record) -> None:
        """Log once for each type that its events are skipped."""
        kind = record.aggregate.type
        if kind not in self._strangers:
            self._strangers.add(kind)
            _log.warning(
                "%s: the events of %s are passed over, which the domain was not opened with",
                self._name, kind,
            )  # fmt: skip
