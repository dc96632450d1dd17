"""Selects the events that a follower gives to its consumer, and finds their loaders."""

from __future__ import annotations

import abc
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from comity.engine.errors import UnreadableEvent, WiringError
from comity.engine.history.history import recorded
from comity.engine.messages.message import Event, names_of

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.record import Record
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider, Decider
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


class SomeEvents(Routes):
    """Routes to the events of some classes, for a read model or an outlet.

    It skips no event that may be wanted. Of an aggregate type that has wanted events, it skips only
    events that are known to be unwanted. Of an unknown aggregate type, it does not skip an event
    with a wanted name: the follower stops there.

    Args:
        name: who wants the events, for errors.
        kinds: the wanted classes.
        deciders: the known aggregate types.

    Raises:
        WiringError: no decider has some of the classes.
    """

    REMEDY: ClassVar[str] = "open the domain with it, too"
    """Tells the user what to do about an unknown aggregate type; a part of an error's text."""

    def __init__(
        self,
        name: str,
        kinds: frozenset[type[Event]],
        deciders: Sequence[Decider[object, Command, Event]],
    ) -> None:
        super().__init__({decider.name: _wanted(kinds, decider) for decider in deciders})
        self._owner = name
        self._names = frozenset(name for kind in kinds for name in names_of(kind))
        known = {kind for decider in deciders for kind in decider.events}
        missing = sorted(kind.__name__ for kind in kinds - known)
        if missing:
            msg = (
                f"{name} listens to {', '.join(missing)}, which no decider of this "
                "domain has: open the domain with the decider, or listen to less"
            )
            raise WiringError(msg)

    def meet_stranger(self, record: Record) -> None:
        """Stop before an event that may be wanted.

        Raises:
            UnreadableEvent: the record has an event with a wanted name.
        """
        for position, stored in enumerate(record.events, record.position + 1):
            if stored.name in self._names:
                msg = (
                    f"the journal has a {stored.name} of {record.aggregate} (position {position}), "
                    f"and whether {self._owner} listens to those cannot be told without "
                    f"the decider {record.aggregate.type!r}: {self.REMEDY}"
                )
                raise UnreadableEvent(msg)


def _wanted(
    kinds: frozenset[type[Event]], decider: Decider[object, Command, Event]
) -> Wanted | None:
    """The events of a decider that are wanted; None if none is."""
    if kinds.isdisjoint(decider.events):
        return None
    unwanted = [kind for kind in decider.events if kind not in kinds]
    without = {name for kind in unwanted for name in names_of(kind)}
    return Wanted(decider, decider.retired | without)
