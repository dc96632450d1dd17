"""A worker: it has the domain open, and serves commands, reads, streams and the page.

All workers are equal, however many serve the same journal behind one port:
COMITY_PATH=team.db uvicorn --factory examples.web.app:make_app --workers 4
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from examples.board.read_models import Activity, Cards, Workload
from examples.sprint.chat import Chat
from examples.sprint.domain import sprint
from examples.sprint.outlets import Posts
from examples.sprint.process import closing
from examples.sprint.read_models import Closings
from examples.web import (
    chatting,
    closings,
    commands,
    events,
    guide,
    health,
    live,
    page,
    previews,
    reading,
    workers,
)
from examples.web.departures import Departures
from examples.web.problems import answer_with_problems
from examples.web.streams import Streams
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from comity.actors import Domain

HOSTS = ["127.0.0.1", "localhost"]
"""The host names that the app accepts. Others are refused, so that no foreign page can reach it by
pointing its own name here (DNS rebinding)."""
MOST_BODY = 16_384
"""The most bytes of a command."""
PARTS = (
    chatting,
    closings,
    commands,
    events,
    guide,
    health,
    live,
    page,
    previews,
    reading,
    workers,
)


def make_app(path: str | os.PathLike[str] | None = None) -> FastAPI:
    """Make the app of a worker.

    Args:
        path: the journal's directory; by default the environment variable `COMITY_PATH` says it.
    """
    path = os.fspath(path or os.environ.get("COMITY_PATH", "team.db"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        state = app.state
        state.streams, state.chat = Streams(), Chat(f"{path}.chat")
        with open_domain(path, state.chat) as state.domain, state.streams.closed_at_signals():
            yield

    app = FastAPI(
        title="A board", lifespan=lifespan, docs_url=None, redoc_url=None, max_body_size=MOST_BODY
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.add_middleware(Departures)
    app.add_middleware(workers.Signed)
    answer_with_problems(app)
    for part in PARTS:
        app.include_router(part.router)
    return app


def open_domain(path: str, chat: Chat) -> Domain:
    """Open the domain, as each worker does after it has started."""
    return Domain.open(
        path,
        deciders=[sprint],
        read_models=[Cards, Workload, Activity, Closings],
        processes=[closing],
        outlets=[Posts(chat)],
    )
