"""`GET /boards/{key}/closing/live`: the guided task of closing a sprint, as server-sent events.

A frame `closing` is one version of the sprint; a frame `work` says what the process and the outlet
are doing, in whichever worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from examples.sprint.read_models import ClosingRow, Closings, new_closing
from examples.web.chatting import FromChat
from examples.web.closings import shown
from examples.web.dependencies import BoardKey, FromDomain, FromStreams
from examples.web.tags import tag_of
from examples.web.workers import signature
from examples.web.working import work
from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from comity.actors import Watch
from comity.engine import Closed, ReadModelError

EVERY: Final = 0.25
"""Seconds after which the process and the outlet are looked at again."""

router = APIRouter()


async def watched(
    key: BoardKey, domain: FromDomain, streams: FromStreams
) -> AsyncIterator[Watch[ClosingRow]]:
    """A watch of the sprint's row, which every event of the board changes."""
    domain.read(Closings).close()
    watch = domain.watch(Closings.rows[key])
    with streams.hold(watch):
        yield watch


@router.get("/boards/{key}/closing/live", response_class=EventSourceResponse)
async def live(
    key: BoardKey,
    domain: FromDomain,
    chat: FromChat,
    watch: Annotated[Watch[ClosingRow], Depends(watched)],
) -> AsyncIterator[ServerSentEvent]:
    """Send the worker, the closing and what is at work; then again whatever has changed."""
    yield signature()
    version, working = -1, None
    rung = asyncio.ensure_future(anext(watch))
    try:
        while True:
            with domain.read(Closings) as model:
                row = model.rows.get(key) or new_closing(key)
                closing = shown(model, row)
            if row.version != version:
                version = row.version
                tag = tag_of(Closings, version)
                yield ServerSentEvent(data=closing, event="closing", id=tag)
            found = await run_in_threadpool(work, domain, chat, key)
            if found != working:
                working = found
                yield ServerSentEvent(data=found, event="work")
            await asyncio.wait({rung}, timeout=EVERY)
            if rung.done():
                rung.result()
                rung = asyncio.ensure_future(anext(watch))
    except (Closed, ReadModelError, StopAsyncIteration):
        return  # the page reconnects, and gets the error then
    finally:
        rung.cancel()
