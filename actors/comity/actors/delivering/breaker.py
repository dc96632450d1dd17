"""The circuit breaker of an outlet: it rests all deliveries when most of them fail.

A service that is down is not asked for each event. What fails while the breaker is not closed does
not count as a try, so that a service that is down for a night parks nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.runtime.clock import Clock

BreakerState: TypeAlias = Literal["closed", "open", "probing"]
"""`closed`: it delivers. `open`: it rests. `probing`: it tries one delivery, then a few."""


class Breaker:
    """Opens when most of the last deliveries failed, of several keys.

    A service that fails half of the time is not down: resting would only delay what it accepts. So
    the breaker opens when three quarters fail, and after one success its rests are short again.

    Args:
        back_off: seconds of the first rest and of the longest; each failed probe doubles them.
        clock: the time.
        jitter: a number from 0 to 1, another one each time.
    """

    LAST: Final = 20
    """How many deliveries it looks back."""
    LEAST: Final = 10
    """How many deliveries it must have seen."""
    KEYS: Final = 3
    """How many keys must have failed among them."""
    LONGEST: Final = 60.0
    """The longest rest in seconds, even if keys rest longer: a probe a minute costs nothing, and
    all keys wait for it."""
    MOST: Final = 0.75
    """Which part of them must have failed."""
    PROBES: Final = 3
    """How many more probes must succeed than fail before it closes. There is one at first."""

    def __init__(
        self,
        back_off: tuple[float, float],
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._first, self._longest = back_off[0], min(back_off[1], max(back_off[0], self.LONGEST))
        self._clock = clock
        self._now = clock.monotonic
        self.until = 0
        """When the last rest ends or ended, in microseconds since 1970."""
        self._jitter = jitter
        self._last: deque[tuple[bytes, bool]] = deque(maxlen=self.LAST)
        self._rests = 0
        self._until = 0.0
        self._probed = 0
        self._closed = True

    @property
    def state(self) -> BreakerState:
        """What it lets through now."""
        if self._closed:
            return "closed"
        return "open" if self._now() < self._until else "probing"

    @property
    def left(self) -> float:
        """The seconds that it still rests; 0 if it does not."""
        return 0.0 if self._closed else max(0.0, self._until - self._now())

    @property
    def allowed(self) -> int | None:
        """How many deliveries may be under way; None: it sets no limit."""
        if self._closed:
            return None
        return 0 if self._now() < self._until else self._probed + 1

    def succeeded(self, digest: bytes) -> None:
        """Note that a delivery of this key succeeded."""
        self._last.append((digest, True))
        if not self._closed:
            self._probed += 1
            self._rests = 0
            if self._probed >= self.PROBES:
                self._closed = True
                self._last.clear()

    def failed(self, digest: bytes) -> bool:
        """Note that a delivery of this key failed. True: it counts as a try."""
        if not self._closed:
            if self._now() >= self._until:
                self._probed -= 1
                if self._probed <= 0:
                    self.trip()
            return False
        self._last.append((digest, False))
        failures = [key for key, well in self._last if not well]
        most = len(failures) >= self.MOST * len(self._last)
        if most and len(self._last) >= self.LEAST and len(set(failures)) >= self.KEYS:
            self.trip()
        return True

    def trip(self) -> None:
        """Rest, twice as long as the last time."""
        seconds = min(self._longest, self._first * 2.0 ** min(self._rests, 60))
        seconds *= 0.5 + 0.5 * self._jitter()
        self._until = self._now() + seconds
        self.until = self._clock.now() + int(seconds * 1_000_000)
        self._rests += 1
        self._probed, self._closed = 0, False
        self._last.clear()

    def probe_now(self) -> None:
        """End the rest: a person says that the service works again."""
        self._until = 0.0


def rest_after(failures: int, back_off: tuple[float, float], jitter: float) -> float:
    """Seconds that a key rests after so many failures in a row, at least one.

    Half of it is by chance, so that keys that failed together are not tried together.
    """
    first, most = back_off
    return min(most, first * 2.0 ** min(failures - 1, 60)) * (0.5 + 0.5 * jitter)


def jitter_of(runtime: Runtime) -> float:
    """A number from 0 to 1 by chance."""
    return int(runtime.token(4), 16) / 0x1_0000_0000 % 1.0
