"""A stream of one aggregate's events, for clients that show the changes of other users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from comity.actors.runtime.pending import settle
from comity.actors.runtime.stream import Stream
from comity.engine.arguments import check_there
from comity.engine.errors import UnreadableEvent
from comity.engine.history.history import recorded
from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.event_types import Loader

E_co = TypeVar("E_co", bound=Event, covariant=True)

_AT_ONCE = 128


class EventStream(Stream[Recorded[E_co]]):
    """The aggregate's durable events after a version, then each new one; `for` or `async for`.

    It reads events from the journal when the consumer asks for them, so a slow consumer costs
    nothing and misses nothing. It never ends by itself: close it, or leave the `with` block. While
    the next event cannot be loaded, it raises `UnreadableEvent`.

    Example:
        with domain.subscribe(board, "sprint-42", from_version=7) as events:
            for at in events:
                print(at.version, at.who, at.event)
    """

    def __init__(
        self,
        journal: Journal,
        loader: Loader[E_co],
        aggregate: AggregateId,
        version: int,
        bells: EventBells,
        without: frozenset[str] = frozenset(),
    ) -> None:
        check_there(version, journal.version(aggregate), "from_version", str(aggregate))
        super().__init__(bells.runtime, "stream")
        self.aggregate = aggregate
        self.version = version
        """The version of the last event that the consumer received."""
        self._journal = journal
        self._loader = loader
        self._without = without
        self._bells = bells
        bells.add(self)

    def _take(self) -> Recorded[E_co]:
        event = super()._take()
        self.version = event.version
        return event

    def _look(self) -> None:
        try:
            for record in self._journal.read(self.aggregate, self.version):
                for one in recorded(self._loader, record, self._without):
                    if one.version > self.version:
                        self._ready.append(one)
                if len(self._ready) >= _AT_ONCE:
                    return
        except UnreadableEvent:
            if not self._ready:  # the events before it are given first
                raise

    def _leave(self) -> None:
        self._bells.remove(self)


class EventBells:
    """Wakes the streams of aggregates that have new events."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._lock = Lock()
        self._streams: dict[AggregateId, set[EventStream[Event]]] = {}
        self._closed = False

    def add(self, stream: EventStream[Event]) -> None:
        """Wake this stream from now on."""
        with self._lock:
            self._streams.setdefault(stream.aggregate, set()).add(stream)
        if self._closed:  # `close` may have missed it
            stream.close()

    def remove(self, stream: EventStream[Event]) -> None:
        """Stop waking this stream."""
        with self._lock:
            streams = self._streams.get(stream.aggregate, set())
            streams.discard(stream)
            if not streams:
                self._streams.pop(stream.aggregate, None)

    @property
    def wanted(self) -> bool:
        """Whether there are any streams."""
        return bool(self._streams)

    def ring(self, aggregates: Iterable[AggregateId]) -> None:
        """Wake the streams of these aggregates, which have new events."""
        if not self._streams:
            return
        with self._lock:
            rung = [one for aggregate in aggregates for one in self._streams.get(aggregate, ())]
        settle([(bell, 1) for stream in rung if (bell := stream.rung())])

    def ring_all(self) -> None:
        """Wake all streams, because any aggregate may have new events."""
        self.ring(list(self._streams))

    def close(self) -> None:
        """Close every stream; a stream that is added later is closed at once."""
        self._closed = True
        with self._lock:
            every = [stream for streams in self._streams.values() for stream in streams]
        for stream in every:
            stream.close()
