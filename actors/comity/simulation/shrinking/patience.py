"""How long something is shrunk: shrinking plays a run again and again."""

from __future__ import annotations

from comity.engine.runtime.system import monotonic


class Patience:
    """Is over after so many seconds, or so many tries.

    Args:
        seconds: real seconds from now on.
        tries: how many runs may be played. With a bound on tries alone, the result of shrinking
            does not depend on the machine.
    """

    def __init__(self, seconds: float = 20.0, tries: int = 100_000) -> None:
        self.tried = 0
        """How many tries were taken."""
        self._until = monotonic() + seconds
        self._tries = tries

    def takes(self) -> bool:
        """Take another try; False if it is over."""
        if self.tried >= self._tries or monotonic() >= self._until:
            return False
        self.tried += 1
        return True
