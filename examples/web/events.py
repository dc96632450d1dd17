"""`GET /boards/{key}/events`: every event of a board after a version, as server-sent events.

For programs that need each event; the page shows states, and uses `live`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from examples.sprint.domain import SprintEvent, sprint
from examples.web.dependencies import BoardKey, FromDomain, FromStreams
from examples.web.problems import INVALID, Problem
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from comity.actors import EventStream
from comity.engine import ComityError, Recorded

router = APIRouter()


def first_version(
    from_version: Annotated[int, Query(ge=0, le=1 << 62)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> int:
    """The version to start after: the last event of a broken stream, or the client's choice."""
    if last_event_id is None:
        return from_version
    if not (last_event_id.isascii() and last_event_id.isdigit()):
        raise Problem(INVALID, "Last-Event-ID: expected the version of the last event")
    return int(last_event_id)


async def subscribed(
    key: BoardKey,
    domain: FromDomain,
    streams: FromStreams,
    first: Annotated[int, Depends(first_version)],
) -> AsyncIterator[EventStream[SprintEvent]]:
    """The board's stream of events."""
    stream = domain.subscribe(sprint, key, from_version=first)
    with streams.hold(stream):
        yield stream


@router.get("/boards/{key}/events", response_class=EventSourceResponse)
async def events(
    stream: Annotated[EventStream[SprintEvent], Depends(subscribed)],
) -> AsyncIterator[ServerSentEvent]:
    """Send each event with its stored name; its id is the board's version after it."""
    try:
        async for at in stream:
            yield ServerSentEvent(data=told(at), event=at.event.stored_as, id=str(at.version))
    except ComityError:
        return  # closed, or cannot be read: the client gets the error when it reconnects


def told(at: Recorded[SprintEvent]) -> dict[str, object]:
    """The public part of an event: without its session and its command's id."""
    return {
        "version": at.version,
        "position": at.position,
        "at": at.time.isoformat(),
        "who": at.who,
        "command": at.command,
        "event": at.event.stored_as,
        "fields": at.event.model_dump(mode="json"),
        "report": at.report.sentence() if at.report else None,
    }
