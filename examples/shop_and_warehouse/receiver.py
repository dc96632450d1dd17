"""The warehouse's endpoint, POST /events: an event of the shop becomes a command with its id.

WAREHOUSE=warehouse.db uvicorn examples.shop_and_warehouse.receiver:make --factory
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Final

from examples.shop_and_warehouse.answer import Answer, not_taken, taken
from examples.shop_and_warehouse.warehouse import command_of, orders, stock
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse

from comity.actors import Domain
from comity.integration import from_cloud_event, from_http

PREFIX: Final = "com.example.shop"
"""What the shop puts before the types of its events."""
MOST_BODY: Final = 64 << 10
"""The most bytes of an event."""
LONGEST: Final = 5.0
"""Seconds to wait for the domain's answer; less than the sender waits."""

_log = logging.getLogger(__name__)


def receive(warehouse: Domain, headers: Mapping[str, str], body: bytes) -> Answer:
    """Turn an event into a command with the event's id, and say what became of it.

    It answers after the command's result is durable, and never before: the sender does not send
    the event again.
    """
    try:
        event = from_http(headers, body, most=MOST_BODY)
        received = from_cloud_event(event, orders, prefix=PREFIX)
        shelf = warehouse.aggregate(stock, received.event.item)
        before = shelf.version
        pending = shelf.send(command_of(received), id=received.command_id)
        return taken(pending.result(LONGEST), before)
    except Exception as error:
        answer = not_taken(error)
        if answer.status != 409:  # noqa: PLR2004 - a refusal is an answer
            _log.warning("%s: %s", answer.status, error)
        return answer


async def _body(request: Request) -> bytes:
    return await request.body()


def make(path: str | None = None) -> FastAPI:
    """Make the app; the warehouse's journal is at `path`, or where $WAREHOUSE says."""
    place = path or os.environ["WAREHOUSE"]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        with Domain.open(place, deciders=[stock]) as warehouse:
            app.state.warehouse = warehouse
            yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, max_body_size=MOST_BODY)

    @app.post("/events")
    def take(request: Request, body: Annotated[bytes, Depends(_body)]) -> PlainTextResponse:
        answer = receive(request.app.state.warehouse, request.headers, body)
        return PlainTextResponse(answer.text, answer.status, dict(answer.headers))

    return app
