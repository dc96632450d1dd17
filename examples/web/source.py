"""The source of an app's reads: the domain in the writer, read models in a reader.

Both have the same methods, so that each reading route is written only once.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple, TypeAlias, TypeVar, cast

from examples.board.domain import BoardEvent
from examples.sprint.domain import SprintEvent
from examples.web.streams import Streams
from fastapi import Depends, Header, Path, Query, Request

from comity.actors import Domain, ReadModels
from comity.engine import Behind
from comity.readmodels import ReadModel

Source: TypeAlias = Domain | ReadModels
M = TypeVar("M", bound=ReadModel[BoardEvent] | ReadModel[SprintEvent])

BoardKey = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^*]")]
"""A board's key. `*` can have no process (comity reserves this key), so no board is called so."""


class After(NamedTuple):
    """What a read must include: the position of the client's own last change."""

    position: int
    wait: float
    stale: bool


def source_of(request: Request) -> Source:
    """The source of this app."""
    return cast("Source", request.app.state.source)


def domain_of(request: Request) -> Domain:
    """The writer's domain."""
    return cast("Domain", request.app.state.source)


def streams_of(request: Request) -> Streams:
    """The open streams of this app."""
    return cast("Streams", request.app.state.streams)


def after_of(
    after: Annotated[int, Header(ge=0, le=1 << 62)] = 0,
    wait: Annotated[float, Query(ge=0, le=10)] = 2.0,
    *,
    stale: bool = False,
) -> After:
    """Read the header `After: 17`, `?wait=0.5` (seconds) and `?stale=1` (accept an older state)."""
    return After(after, wait, stale)


FromSource = Annotated[Source, Depends(source_of)]
FromDomain = Annotated[Domain, Depends(domain_of)]
FromStreams = Annotated[Streams, Depends(streams_of)]
AfterPosition = Annotated[After, Depends(after_of)]


async def read(source: Source, model: type[M], after: After) -> M:
    """Take a snapshot that includes the client's own change, without blocking the event loop.

    Raises:
        Behind: the model did not reach the position in time, and `stale` was not set.
        NotReady: the model is being built.
    """
    snapshot = source.read(model)
    if snapshot.position >= after.position:
        return snapshot
    snapshot.close()
    try:
        await source.reached(model, after.position, timeout=after.wait)
    except Behind:
        if not after.stale:
            raise
    return source.read(model)
