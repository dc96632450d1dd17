"""A network that loses, doubles and delays requests, and is down half of the time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from examples.shop_and_warehouse.answer import Answer

if TYPE_CHECKING:
    from types import TracebackType

Post: TypeAlias = Callable[[Mapping[str, str], bytes], Answer]
"""Sends a request and returns its answer, or raises an OSError."""


class Weather(NamedTuple):
    """How bad the network is; all but the last two are parts of 1."""

    loses: float = 0.1
    """Requests that do not arrive."""
    forgets: float = 0.1
    """Answers that do not arrive, although the request did."""
    doubles: float = 0.1
    """Requests of which a second copy arrives later."""
    down: float = 0.5
    """The first part of each period, in which nothing gets through."""
    period: float = 0.5
    """Seconds."""
    delay: float = 0.005
    """The most seconds that a request takes; a second copy may take ten times as long."""


class Network:
    """Sends requests through bad weather. What happens to a request depends on the seed.

    It draws for each request by its Idempotency-Key and the number of the attempt, so that the
    order in which threads come here changes nothing.
    """

    def __init__(self, post: Post, seed: int = 1, weather: Weather | None = None) -> None:
        self._post = post
        self._seed = seed
        self._weather = weather or Weather()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._attempts = Counter[str]()
        self._copies = ThreadPoolExecutor(4)
        self.counts = Counter[str]()
        """What happened to the requests."""

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request.

        Raises:
            OSError: no answer came; the request may have arrived.
        """
        weather, dice = self._weather, self._dice(headers["Idempotency-Key"])
        time.sleep(dice.random() * weather.delay)
        if (time.monotonic() - self._began) % weather.period < weather.down * weather.period:
            self._count("down")
            raise ConnectionRefusedError("the endpoint is down")
        if dice.random() < weather.loses:
            self._count("lost")
            raise TimeoutError("the request was lost")
        if dice.random() < weather.doubles:
            self._count("doubled")
            self._copies.submit(self._later, dice.random() * weather.delay * 10, headers, body)
        answer = self._arrives(headers, body)
        if dice.random() < weather.forgets:
            self._count("answer lost")
            raise TimeoutError("the answer was lost")
        return answer

    def _arrives(self, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            answer = self._post(headers, body)
        except OSError:
            self._count("no answer")
            raise
        self._count(f"answered {answer.status}")
        return answer

    def _later(self, seconds: float, headers: Mapping[str, str], body: bytes) -> None:
        time.sleep(seconds)
        with suppress(OSError):
            self._arrives(headers, body)

    def _dice(self, key: str) -> Random:
        with self._lock:
            self.counts["sent"] += 1
            self._attempts[key] += 1
            return Random(f"{self._seed} {key} {self._attempts[key]}")

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait until the last copy has arrived."""
        self._copies.shutdown()
