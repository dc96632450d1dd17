"""States that a rehearsal has not used for long, packed: they take less memory than live ones."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from comity.engine import AggregateId
    from comity.evolution.rehearsing.recorded_state import RecordedState


class PackedStates:
    """Packed states by aggregate, each with its version. The oldest ones give way.

    To pack and unpack a small state takes some 50 µs. To fold it again takes ten times as long,
    since its events are read through the chain of its aggregate, and more with each event.
    """

    MOST: Final = 1 << 28
    """The most bytes of all states: 256 MiB."""

    def __init__(self) -> None:
        self._states: OrderedDict[AggregateId, tuple[int, bytes]] = OrderedDict()
        self._size = 0
        self._impossible: set[str] = set()
        """Types of aggregates whose states do not come back from JSON as they were."""

    def put(self, aggregate: AggregateId, state: RecordedState) -> None:
        """Pack the state, if states of this type can be packed."""
        if aggregate.type in self._impossible:
            return
        data = state.pack()
        if data is None:
            self._impossible.add(aggregate.type)
            return
        self._states[aggregate] = state.version, data
        self._size += len(data)
        while self._size > self.MOST:
            _, (_, oldest) = self._states.popitem(last=False)
            self._size -= len(oldest)

    def take(self, aggregate: AggregateId, version: int) -> bytes | None:
        """Remove and return the aggregate's state; None if none is kept at this version."""
        kept, data = self._states.pop(aggregate, (0, b""))
        self._size -= len(data)
        return data if kept == version and data else None
