"""`GET /workers`: the processes that have the domain open, and what each of them leads.

Each answer says in its header `Worker` which process gave it, and each stream for a page begins
with an event `worker` that says so.
"""

from __future__ import annotations

import os
import re
from typing import Final

from examples.web.dependencies import FromDomain
from fastapi import APIRouter
from fastapi.sse import ServerSentEvent
from starlette.types import ASGIApp, Message, Receive, Scope, Send

AGAIN: Final = 500
"""Milliseconds after which a page connects again, for example when its worker has ended."""

router = APIRouter()


@router.get("/workers")
def workers(domain: FromDomain) -> dict[str, object]:
    """The processes that have the domain open, and the names of what each of them leads."""
    leads: dict[int, list[str]] = {}
    kinds = ("", domain.models()), ("process ", domain.processes()), ("outlet ", domain.outlets())
    for kind, found in kinds:
        for status in found:
            leads.setdefault(leader(status.led_by), []).append(f"{kind}{status.name}")
    sharers = sorted(sharer.pid for sharer in domain.statistics().sharers)
    return {"processes": [{"process": pid, "leads": leads.get(pid, [])} for pid in sharers]}


def leader(led_by: str) -> int:
    """The process id in comity's words for a leader; that of this process if there are none."""
    said = re.match(r"process (\d+)", led_by)
    return int(said[1]) if said else 0 if led_by else os.getpid()


class Signed:
    """Puts the number of this process into the header of each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"worker", b"%d" % os.getpid())]
            await send(message)

        await self._app(scope, receive, signed)


def signature() -> ServerSentEvent:
    """The event with which a stream begins."""
    return ServerSentEvent(data=os.getpid(), event="worker", retry=AGAIN)
