"""The failure of a law, told as a story."""

from __future__ import annotations

from collections.abc import Sequence


class LawBroken(AssertionError):
    """A domain breaks one of the laws. The text has the steps that show it.

    Args:
        law: the law in words.
        steps: what people did, in order.
        why: what should have come of it, and what came.
    """

    def __init__(self, law: str, steps: Sequence[str], why: str) -> None:
        self.steps = tuple(steps)
        told = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
        super().__init__("\n".join([f"{law}: broken", *told, why]))

    def size(self) -> tuple[int, int]:
        """How much there is to read: smaller is better."""
        return len(self.steps), len(str(self))
