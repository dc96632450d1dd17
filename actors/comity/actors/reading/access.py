"""Reads one model in this process: snapshots, waiting for a position, watching."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from comity.actors.reading.watch import Watch
from comity.actors.reading.watch_hub import WatchHub
from comity.actors.runtime.pending import Pending
from comity.actors.runtime.waiters import Waiters
from comity.engine.arguments import check_seconds
from comity.engine.errors import Behind, Closed, ComityError, Invalid, NotReady
from comity.engine.merging.receipt import Receipt
from comity.readmodels.generations.reader import Reader
from comity.readmodels.tables.query import Selection
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")
R = TypeVar("R", bound=Row)

After: TypeAlias = "Receipt[Event] | int | None"
"""What a read must include: a receipt's events, or all events up to a position. A position is a
number that is valid in every process."""

_LOOK = 0.002
"""Seconds between two checks while a model is being built."""


class Upkeep(Protocol):
    """Keeps the tables up to date, or finds what another process changes in them.

    It tells `Access.hub` of changed rows, and `Access.waiters` of new positions.
    """

    def why(self, position: int) -> str:
        """Explain why the model has not reached this position, for `Behind`."""
        ...

    def wanted(self) -> None:
        """Look for changes, because a thread has begun to wait or to watch."""
        ...

    def watching(self) -> AbstractContextManager[None]:
        """A watch is made inside this block: it is told of every later change, but no earlier."""
        ...


class Access(Generic[M]):
    """Gives readers access to one model.

    Args:
        runtime: the runtime of the waiting threads.
        reader: takes the snapshots.
        upkeep: tells of new positions and changes.
    """

    def __init__(self, runtime: Runtime, reader: Reader[M], upkeep: Upkeep) -> None:
        self.reader = reader
        self._runtime = runtime
        self._upkeep = upkeep
        self.waiters = Waiters(runtime)
        self.hub = WatchHub(runtime)

    def read(self, after: After, timeout: float, *, stale: bool) -> M:
        """A snapshot that includes `after`; if `stale`, the newest one when the time is over.

        Raises:
            Behind: the model did not reach `after` within `timeout` seconds.
            NotReady: the model is still being built.
            Closed: it was closed while waiting.
        """
        if after is None:
            try:
                return self.reader.snapshot(incomplete=stale)
            except NotReady:
                pass  # it may be ready in a moment
        position = position_of(after)
        timeout = check_seconds(timeout, "timeout")
        until = self._runtime.monotonic() + timeout
        while True:
            try:
                model = self.reader.snapshot(incomplete=stale)
            except NotReady:
                if self.waiters.closed:
                    msg = "the domain was closed while this thread waited for a snapshot"
                    raise Closed(msg) from None
                if self._runtime.monotonic() >= until:
                    self.reader.environment()  # raises a more exact error if it can
                    raise
                self._runtime.sleeper().sleep(_LOOK)
                continue
            if position is None or model.position >= position:
                return model
            try:
                self.reached(position, timeout).result(max(0.0, until - self._runtime.monotonic()))
            except (TimeoutError, Behind):
                if stale:
                    return model
                model.close()
                raise self.behind(position) from None
            model.close()

    def reached(self, after: After, timeout: float) -> Pending[int]:
        """A pending with the model's position once it includes `after`; else it raises `Behind`."""
        seconds = check_seconds(timeout, "timeout")
        pending = self.waiters.wait(position_of(after) or 0, seconds)
        self._upkeep.wanted()
        return pending

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """Watch the rows of a selection: the current rows, then each change."""
        with self._upkeep.watching():
            watch = Watch(selection, self.hub, lambda: self.reader.snapshot(incomplete=True))
        self._upkeep.wanted()
        return watch

    def behind(self, position: int) -> Behind:
        """The error for a reader that has waited for this position in vain."""
        try:
            here = self.reader.checkpoint().position
        except ComityError:  # the model cannot be read now: use the last known position
            here = max(0, self.waiters.position)
        name = self.reader.model.stored_as
        why = self._upkeep.why(position)
        msg = f"{name} is at position {here:,}; {position:,} was requested: {why}"
        return Behind(msg, here)


def position_of(after: After) -> int | None:
    """The position of a receipt, or the position itself.

    Raises:
        Invalid: it is neither a receipt nor a position.
    """
    if after is None or (type(after) is int and after >= 0):
        return after
    if isinstance(after, Receipt):
        return after.position
    msg = f"after: expected a receipt, or a position such as receipt.position, got {after!r:.100}"
    raise Invalid(msg)
