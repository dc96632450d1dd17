"""What the routes take from their app and from a request: the domain, the streams, what to read."""

from __future__ import annotations

from typing import Annotated, NamedTuple, TypeVar, cast

from examples.board.domain import BoardEvent
from examples.sprint.domain import SprintEvent
from examples.web.streams import Streams
from fastapi import Depends, Header, Path, Query, Request

from comity.actors import Domain
from comity.engine import Behind
from comity.readmodels import ReadModel

M = TypeVar("M", bound=ReadModel[BoardEvent] | ReadModel[SprintEvent])

BoardKey = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^*]")]
"""A board's key. `*` can have no process (comity reserves this key), so no board is called so."""


class After(NamedTuple):
    """What a read must include: the position of the client's own last change."""

    position: int
    wait: float
    stale: bool


def domain_of(request: Request) -> Domain:
    """The domain of this worker."""
    return cast("Domain", request.app.state.domain)


def streams_of(request: Request) -> Streams:
    """The open streams of this worker."""
    return cast("Streams", request.app.state.streams)


def after_of(
    after: Annotated[int, Header(ge=0, le=1 << 62)] = 0,
    wait: Annotated[float, Query(ge=0, le=10)] = 2.0,
    *,
    stale: bool = False,
) -> After:
    """Read the header `After: 17`, `?wait=0.5` (seconds) and `?stale=1` (accept an older state)."""
    return After(after, wait, stale)


FromDomain = Annotated[Domain, Depends(domain_of)]
FromStreams = Annotated[Streams, Depends(streams_of)]
AfterPosition = Annotated[After, Depends(after_of)]


async def read(domain: Domain, model: type[M], after: After) -> M:
    """Take a snapshot that includes the client's own change, without blocking the event loop.

    The change may have been made in another worker.

    Raises:
        Behind: the model did not reach the position in time, and `stale` was not set.
        NotReady: the model is being built.
    """
    snapshot = domain.read(model)
    if snapshot.position >= after.position:
        return snapshot
    snapshot.close()
    try:
        await domain.reached(model, after.position, timeout=after.wait)
    except Behind:
        if not after.stale:
            raise
    return domain.read(model)
