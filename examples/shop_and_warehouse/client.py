"""Posts to the warehouse's endpoint over HTTP, with the standard library: no package is needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

from examples.shop_and_warehouse.answer import Answer


class Client:
    """One connection for each thread, which is opened again when it breaks."""

    def __init__(self, host: str, port: int, *, timeout: float = 8.0) -> None:
        self._address = (host, port)
        self._timeout = timeout
        self._local = threading.local()

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a CloudEvent.

        Raises:
            OSError: no answer came; the request may have arrived.
        """
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = HTTPConnection(*self._address, timeout=self._timeout)
            self._local.connection = connection
        try:
            connection.request("POST", "/events", body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.read(10_000).decode(errors="replace"))
        except (OSError, HTTPException) as error:
            connection.close()
            self._local.connection = None
            raise OSError(f"no answer from the warehouse: {error!r:.200}") from error
