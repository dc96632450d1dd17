"""`GET /boards/{key}/live`: the current board, then each change, as server-sent events.

FastAPI sends a comment after 15 seconds without an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from examples.board.read_models import BoardRow, Cards
from examples.web.dependencies import BoardKey, FromDomain, FromStreams
from examples.web.screen import Screen
from examples.web.workers import signature
from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from comity.actors import Watch
from comity.engine import Closed, ReadModelError

CALM: Final = 0.03
"""The least seconds between two frames; faster changes are combined."""

router = APIRouter()


async def watched(
    key: BoardKey, domain: FromDomain, streams: FromStreams
) -> AsyncIterator[Watch[BoardRow]]:
    """A watch of the board's row, which every event of the board changes.

    Raises:
        NotReady: there are no tables to watch yet.
    """
    domain.read(Cards).close()
    watch = domain.watch(Cards.boards[key])
    with streams.hold(watch):
        yield watch


@router.get("/boards/{key}/live", response_class=EventSourceResponse)
async def live(
    key: BoardKey,
    domain: FromDomain,
    watch: Annotated[Watch[BoardRow], Depends(watched)],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Send the `worker`, the board (`board`), then its changes (`change`).

    Each frame is one version.
    """
    yield signature()
    screen = Screen(key)
    try:
        with domain.read(Cards) as cards:
            screen.knows(cards, last_event_id)
            frame = screen.frame(cards)
        if frame:
            yield frame
        async for update in watch:
            if update.kind == "reset":
                screen.forget()
            with domain.read(Cards) as cards:
                frame = screen.frame(cards)
            if frame:
                yield frame
                await asyncio.sleep(CALM)
    except (Closed, ReadModelError):
        return  # the page reconnects, and gets the error then
