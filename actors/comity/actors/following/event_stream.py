"""The events of one aggregate as they come: what a client needs to show others' changes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from comity.actors.runtime.pending import Pending, settle
from comity.engine.arguments import check_seconds, check_there
from comity.engine.errors import Closed, Forked, UnreadableEvent
from comity.engine.history.history import recorded
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.runtime.runtime import Runtime
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.event_types import Loader
    from comity.engine.runtime.clock import Clock

E_co = TypeVar("E_co", bound=Event, covariant=True)

_AT_ONCE = 128


class EventStream(Generic[E_co]):
    """The aggregate's durable events from a version on, then each new one; `for` or `async for`.

    It reads them from the journal when they are asked for, so that a slow consumer costs nothing
    and misses nothing. It never ends by itself: close it, or leave the `with` block.

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
        clock: Clock,
    ) -> None:
        check_there(version, journal.version(aggregate), "from_version", str(aggregate))
        self.aggregate = aggregate
        self.version = version
        """The version of the last event that was given."""
        self._journal = journal
        self._loader = loader
        self._bells = bells
        self._clock = clock
        self._ready: deque[Recorded[E_co]] = deque()
        self._closed = False
        bells.add(self)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Recorded[E_co]:
        while True:
            bell = self._bells.bell(self)  # before looking, so that nothing is missed in between
            event = self._next()
            if event is not None:
                return event
            if bell is None:
                raise StopIteration
            bell.result()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Recorded[E_co]:
        while True:
            bell = self._bells.bell(self)
            event = self._next()
            if event is not None:
                return event
            if bell is None:
                raise StopAsyncIteration
            await bell

    def next(self, timeout: float) -> Recorded[E_co] | None:
        """The next event, or None if none comes within so many seconds.

        Raises:
            Closed, Forked: the stream, or the domain, is closed; or this is a fork.
            UnreadableEvent: the next one cannot be loaded; so it stays until it can.
        """
        until = self._clock.monotonic() + check_seconds(timeout, "timeout")
        while True:
            bell = self._bells.bell(self)
            event = self._next()
            if event is not None:
                return event
            if bell is None:
                msg = "this stream is closed"
                raise Closed(msg)
            try:
                bell.result(until - self._clock.monotonic())
            except TimeoutError:
                return None

    def close(self) -> None:
        """End it; who waits for an event stops waiting. Closing twice is harmless."""
        self._closed = True
        self._bells.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _next(self) -> Recorded[E_co] | None:
        if not self._ready and not self._closed:
            self._read_on()
        if not self._ready:
            return None
        event = self._ready.popleft()
        self.version = event.version
        return event

    def _read_on(self) -> None:
        try:
            for record in self._journal.read(self.aggregate, self.version):
                for one in recorded(self._loader, record):
                    if one.version > self.version:
                        self._ready.append(one)
                if len(self._ready) >= _AT_ONCE:
                    return
        except UnreadableEvent:
            if not self._ready:  # else what stands before it is given first
                raise


class EventBells:
    """Wakes the streams of the aggregates that a commit has changed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = Lock()
        self._process = os.getpid()
        self._streams: dict[AggregateId, dict[EventStream[Event], Pending[int] | None]] = {}
        self._closed = False

    def add(self, stream: EventStream[Event]) -> None:
        """Wake it, too, from now on."""
        with self._lock:
            self._streams.setdefault(stream.aggregate, {})[stream] = None
        if self._closed:  # it came just now, or just too late to be closed with the others
            stream.close()

    def remove(self, stream: EventStream[Event]) -> None:
        """Wake it once more, and then never again."""
        with self._lock:
            streams = self._streams.get(stream.aggregate, {})
            bell = streams.pop(stream, None)
            if not streams:
                self._streams.pop(stream.aggregate, None)
        if bell is not None:
            settle([(bell, 1)])

    def bell(self, stream: EventStream[Event]) -> Pending[int] | None:
        """What rings when the aggregate changes; None once the stream is closed.

        Raises:
            Forked: this is a fork of the process that opened the domain: nobody would ring.
        """
        if os.getpid() != self._process:
            msg = "this process is a fork of the one that follows: open the domain after forking"
            raise Forked(msg)
        with self._lock:
            streams = self._streams.get(stream.aggregate, {})
            if stream not in streams:
                return None
            bell = streams[stream]
            if bell is None:
                bell = streams[stream] = Pending("events", self._runtime)
            return bell

    def ring(self, aggregates: Iterable[AggregateId]) -> None:
        """These aggregates have new events."""
        if not self._streams:
            return
        bells: list[Pending[int]] = []
        with self._lock:
            for aggregate in aggregates:
                streams = self._streams.get(aggregate, {})
                bells += [bell for bell in streams.values() if bell is not None]
                streams.update(dict.fromkeys(streams))
        settle([(bell, 1) for bell in bells])

    def close(self) -> None:
        """End every stream, and those that are yet to come."""
        self._closed = True
        with self._lock:
            every = [stream for streams in self._streams.values() for stream in streams]
        for stream in every:
            stream.close()
