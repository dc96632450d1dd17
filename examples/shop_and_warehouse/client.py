"""Posts to the warehouse's endpoint over HTTP, with the standard library: no package is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final, Self

from examples.shop_and_warehouse.answer import Answer

if TYPE_CHECKING:
    from types import TracebackType

MOST: Final = 10_000
"""The most bytes of an answer that are read."""


class Client:
    """Connections to one endpoint, as many as there are posts at once. Any thread may post."""

    def __init__(self, host: str, port: int, *, timeout: float = 8.0) -> None:
        self._address = (host, port)
        self._timeout = timeout
        self._idle: deque[HTTPConnection] = deque()

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a CloudEvent.

        Raises:
            OSError: no answer came; the request may have arrived.
        """
        connection = self._connection()
        try:
            connection.request("POST", "/events", body, dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.read(MOST).decode(errors="replace"))
            if not response.isclosed():  # there is more: it is not read
                connection.close()
        except (OSError, HTTPException) as error:
            connection.close()
            raise OSError(f"no answer from the warehouse: {error!r:.200}") from error
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _connection(self) -> HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return HTTPConnection(*self._address, timeout=self._timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()
