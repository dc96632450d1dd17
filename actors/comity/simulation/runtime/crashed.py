"""How a simulated process ends in the middle of what it does."""

from __future__ import annotations


class Crashed(BaseException):
    """The simulated process has crashed, so what it was doing does not go on.

    Not an `Exception`, and never an answer: no code of a crashed process may act on it.
    """


class Stuck(AssertionError):
    """Somebody waits for what nobody brings."""
