"""An aggregate as the journal alone knows it: commands are decided again, in the journal's order.

`Told` does the work, with pure functions. This one keeps what it has worked out, since histories of
several processes are long.
"""

from __future__ import annotations

from copy import deepcopy

from tests.property.desk import Desk, DeskCommand, DeskEvent, Message, desk
from tests.property.rule_story import Told

from comity.engine import AggregateId, Happened
from comity.engine.merging.sent import Sender


class Replay(Told):
    """One aggregate; call `comes_to` for each of its records, in order."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self._aggregate = AggregateId(desk.name, key)
        self._states = [Desk()]
        self._known: list[Happened[DeskEvent]] = []
        self._drops = 0

    def state(self, version: int) -> Desk:
        """The state at a version; it is the caller's own."""
        for one in self.log(len(self._states) - 1)[: version + 1 - len(self._states)]:
            last = deepcopy(self._states[-1])
            self._states.append(desk.evolve(last, one.event, one.at(self._aggregate)))
        return deepcopy(self._states[version])

    def log(self, after: int) -> list[Happened[DeskEvent]]:
        """The events after a version."""
        for number in range(len(self._known), self.version):
            self._known.append(self._event(number))
        for number in range(self._drops, len(self._dropped)):
            self._drop(number, self._known)
            self._drops += 1
        return self._known[after:]

    def moved(self, sender: Sender, command: DeskCommand) -> Message | None:
        """Nothing: whether edits move as they should is for the tests of rules to check."""
        return None
