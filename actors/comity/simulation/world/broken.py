"""The error of a broken promise."""

from __future__ import annotations


class PromiseBroken(AssertionError):
    """The engine has broken one of its promises. The text says which, what was expected, what came.

    This is a fault of comity, or of a journal's adapter, not of the scenario: report it with the
    seed.
    """


def hold(condition: object, otherwise: str) -> None:
    """Check that a promise holds.

    Raises:
        PromiseBroken: the condition is false; the text is `otherwise`.
    """
    if not condition:
        raise PromiseBroken(otherwise)
