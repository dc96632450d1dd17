"""Who goes away in the middle of an answer does no wrong, and nothing failed: no log tells of it.

FastAPI's streams, and whatever waits for a request's body, end with an error then.
"""

from __future__ import annotations

from anyio import BrokenResourceError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Departures:
    """Ends what is being answered, once the client has gone; everything else goes on as it is."""

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
