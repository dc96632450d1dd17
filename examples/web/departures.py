"""Handles clients that disconnect during an answer, which is no error and needs no log entry.

Without it, FastAPI's streams and code that waits for a request's body would raise an error.
"""

from __future__ import annotations

from anyio import BrokenResourceError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Departures:
    """Ends a request when its client has disconnected; passes all other requests through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        gone = False

        async def received() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        try:
            await self._app(scope, received, send)
        except* (ClientDisconnect, BrokenResourceError):
            if not gone:
                raise
