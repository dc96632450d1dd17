"""The bell of a slot: other processes ring it, and its own process sleeps until they do.

`Member` rings the bells of others, `Listening` sleeps on its own.
"""

from __future__ import annotations

from mmap import mmap
from typing import Final

from comity.engine.sharing.futex import Word
from comity.engine.sharing.layout import bell as place_of

COMMITS: Final = 1
"""The bit of those that want to hear of new records in the journal."""
MODELS: Final = 2
"""The bit of those that want to hear of new rows of read models."""


class Bell:
    """The words of one slot's bell: that on which its process sleeps, and one for each wish.

    Args:
        memory: the board.
        slot: whose bell it is.
        ringer: the number of the process that rings; no other one uses it at the same time. A
            process that sleeps must see another value than before. If two processes counted on
            from the same value, it could miss the second of them.
    """

    __slots__ = ("_bell", "_next", "_said", "_wishes")

    def __init__(self, memory: mmap, slot: int, ringer: int | None = None) -> None:
        self._bell = Word(memory, place_of(slot))
        self._wishes = {bit: Word(memory, place_of(slot, bit)) for bit in (COMMITS, MODELS)}
        self._said = (slot if ringer is None else ringer) << 22
        self._next = 0

    @property
    def value(self) -> int:
        """Another value after each ring."""
        return self._bell.value

    def wish(self, bit: int) -> int:
        """Another value after each ring for this bit."""
        return self._wishes[bit].value

    def ring(self, bits: int = 0) -> None:
        """Wake the process; it finds out that it was for these bits."""
        for bit, wish in self._wishes.items():
            if bits & bit:
                wish.set(self._value_besides(wish.value))
        self._bell.ring(self._value_besides(self._bell.value))

    def wait(self, seen: int, seconds: float) -> None:
        """Sleep until the value is not `seen`, or until the time is over."""
        self._bell.wait(seen, seconds)

    def _value_besides(self, present: int) -> int:
        self._next = (self._next + 1) % (1 << 22)
        said = self._said + self._next
        return said if said != present else self._value_besides(present)
