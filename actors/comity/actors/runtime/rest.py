"""How long an actor rests after failures: back-off first, quarantine after too many of them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from comity.engine.errors import Quarantined

if TYPE_CHECKING:
    from comity.actors.runtime.policy import Policy
    from comity.engine.runtime.clock import Clock


class Rest:
    """The recent failures of one actor, and the end of its rest because of them."""

    __slots__ = ("_clock", "_failures", "_policy", "_until")

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._clock = clock
        self._policy = policy
        self._failures: deque[float] | None = None  # most actors never fail
        self._until = 0.0

    def begin(self) -> None:
        """Note a failure. The first causes no rest, later ones longer rests, then quarantine."""
        policy, now = self._policy, self._clock.monotonic()
        if self._failures is None:
            self._failures = deque(maxlen=policy.failures)
        while self._failures and now - self._failures[0] > policy.failure_window:
            self._failures.popleft()
        self._failures.append(now)
        count = len(self._failures)
        if count == policy.failures:
            self._until = now + policy.quarantine
        elif count > 1:
            doubled = policy.back_off * 2 ** min(count - 2, 60)
            self._until = now + min(doubled, policy.quarantine)

    def left(self) -> float:
        """Return the seconds of rest that are left; 0 or less: none."""
        return self._until - self._clock.monotonic() if self._failures else 0.0

    @property
    def quarantined(self) -> bool:
        """Whether the rest, if there is one, is the quarantine."""
        return self._failures is not None and len(self._failures) == self._policy.failures

    @property
    def fresh(self) -> bool:
        """Whether a failure still counts, so that this object must be kept."""
        if not self._failures:
            return False
        return self._clock.monotonic() - self._failures[-1] <= self._policy.failure_window

    def error(self, name: str) -> Quarantined:
        """Make the error that senders get during quarantine."""
        return Quarantined(
            f"{name} failed {self._policy.failures} times within {self._policy.failure_window:g} s "
            f"and rests for {self.left():.1f} s more; the log says why"
        )
