"""The values that a story has used so far: people change the same things again and again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, cast

from comity.engine.messages.footprint import Hole
from comity.engine.messages.message import Message, patterns_of
from comity.testing.proving.picture import leaves

MOST: Final = 8


class Known:
    """Values by the name of their field, and values in the state by their type.

    Args:
        kinds: the classes of the messages.
        state: returns the state whose values are used.
    """

    def __init__(self, kinds: Iterable[type[Message]], state: Callable[[], object]) -> None:
        self._keys = {
            part.field
            for kind in kinds
            for pattern in patterns_of(kind)
            for part in pattern
            if isinstance(part, Hole)
        }
        self._state = state
        self._used = defaultdict[str, list[object]](list)
        self._held: list[object] = []
        """The values in the state, since the last `look`."""

    def is_key(self, name: str) -> bool:
        """Whether a field of this name says which thing a message is about."""
        return name in self._keys

    def note(self, message: Message) -> None:
        """Note the values of a message that was accepted."""
        for name in type(message).model_fields:
            value: object = getattr(message, name)
            if value.__hash__ is not None and value not in self._used[name]:
                self._used[name].append(value)

    def used(self, name: str) -> Sequence[object]:
        """Return the newest values of a field."""
        return self._used[name][-MOST:]

    def held(self, kind: type[object], name: str) -> Sequence[object]:
        """Return values of this type that the state holds, and no field of another name has had."""
        others = [one for field, used in self._used.items() if field != name for one in used]
        return [one for one in self._held if type(one) is kind and one not in others][:MOST]

    def look(self) -> None:
        """Look at the state, which has changed."""
        plain = (one for one in leaves(self._state()) if one.__hash__ is not None)
        self._held = list(dict.fromkeys(cast("Iterator[object]", plain)))
