"""What both apps have: a source to read from, streams that end, errors told as problems.

The writer's and the reader's app are made here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from examples.web import live, reading
from examples.web.departures import Departures
from examples.web.problems import answer_with_problems
from examples.web.settings import HOSTS
from examples.web.source import Source
from examples.web.streams import Streams
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

MOST_BODY = 16_384
"""Bytes of a command."""


def make_app(title: str, open_source: Callable[[], AbstractContextManager[Source]]) -> FastAPI:
    """An app that serves what can be asked of this source."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        streams = Streams()
        with open_source() as source, streams.closed_at_signals():
            app.state.source, app.state.streams = source, streams
            yield

    app = FastAPI(
        title=title, lifespan=lifespan, docs_url=None, redoc_url=None, max_body_size=MOST_BODY
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))
    app.add_middleware(Departures)
    answer_with_problems(app)
    app.include_router(reading.router)
    app.include_router(live.router)
    return app
