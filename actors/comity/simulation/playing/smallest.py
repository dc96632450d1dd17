"""Makes a failing run as small as it gets: fewer people, fewer commands, fewer faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from comity.simulation.people.network import Network
from comity.simulation.playing.virtual_play import VirtualPlay
from comity.simulation.runtime.order import FirstInFirstOut
from comity.simulation.shrinking.patience import Patience
from comity.simulation.shrinking.things import shrink_things

if TYPE_CHECKING:
    from comity.simulation.playing.asked import Asked
    from comity.simulation.records.run import Failure, Run

T = TypeVar("T")

THERE: Final = 0
"""Stands in `Asked.kept` for a person who is there; the commands are numbered from 1."""


class Shrinking:
    """Looks for the smallest run that fails in the same way as another one.

    Args:
        asked: what was played.
        run: the run, which has failed.
        people: the names of its people.
        commands: the commands that they sent, by person and number.
        patience: how long to look.
    """

    def __init__(
        self,
        asked: Asked,
        run: Run,
        people: Sequence[str],
        commands: Sequence[tuple[str, int]],
        patience: Patience,
    ) -> None:
        self._asked = replace(asked, progress=None)
        self._run = run
        self._size = run.people, len(run.attempts)
        self._people = list(people)
        self._commands = list(commands)
        self._patience = patience

    def smallest(self) -> Run:
        """Leave out people, then commands, then faults and delays, as long as the run still fails.

        In the end steps are done first in, first out, if it fails then, too. After Ctrl-C it
        returns the smallest run so far, as interrupted.
        """
        try:
            self._shrink()
        except KeyboardInterrupt:
            return replace(self._run, shrunk_from=self._size, interrupted=True)
        return replace(self._run, shrunk_from=self._size)

    def _shrink(self) -> None:
        self._fewer_people()
        self._commands = self._fewer(self._commands, lambda some: self._with(self._people, some))
        self._fewer_people()
        self._fewer(self._asked.faults, lambda some: replace(self._asked, faults=some))
        crowds = [replace(crowd, network=None) for crowd in self._asked.crowds]
        self._fails(replace(self._asked, network=Network(), crowds=crowds))
        self._fails(replace(self._asked, order=FirstInFirstOut))

    def _fewer_people(self) -> None:
        self._people = self._fewer(self._people, lambda some: self._with(some, self._commands))
        self._commands = [one for one in self._commands if one[0] in self._people]

    def _fewer(self, things: Sequence[T], asked: Callable[[Sequence[T]], Asked]) -> list[T]:
        return shrink_things(things, lambda some: self._fails(asked(some)), self._patience)

    def _with(self, people: Sequence[str], commands: Sequence[tuple[str, int]]) -> Asked:
        there = frozenset((name, THERE) for name in people)
        sent = frozenset(one for one in commands if one[0] in people)
        return replace(self._asked, kept=there | sent)

    def _fails(self, asked: Asked) -> bool:
        """Play it; if it fails in the same way, it is the smallest run so far."""
        run = VirtualPlay(asked).play()
        if run.interrupted:
            raise KeyboardInterrupt
        if not _alike(run.failure, self._run.failure):
            return False
        self._asked, self._run = asked, run
        return True


def _alike(one: Failure | None, other: Failure | None) -> bool:
    """Whether two runs failed in the same way: the same kind, and the same invariant."""
    if one is None or other is None or one.kind != other.kind:
        return False
    return one.kind != "InvariantBroken" or one.text.split()[0] == other.text.split()[0]
