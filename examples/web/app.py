"""The common part of both apps: a source to read from, streams, and errors as problems.

The writer and the reader make their apps with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from examples.web import closings, live, reading
from examples.web.departures import Departures
from examples.web.problems import answer_with_problems
from examples.web.settings import HOSTS
from examples.web.source import Source
from examples.web.streams import Streams
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

MOST_BODY = 16_384
"""The most bytes of a command."""


def make_app(title: str, open_source: Callable[[], AbstractContextManager[Source]]) -> FastAPI:
    """Make an app with the reading routes for a source."""

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
    app.include_router(closings.router)
    return app
