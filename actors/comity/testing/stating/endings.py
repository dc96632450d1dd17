"""All ways in which an instance can come to its end: each order of answers, each refusal.

Tests of processes use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from comity.engine.errors import WiringError
from comity.engine.merging.refusals import Rejected
from comity.engine.messages.message import Event
from comity.testing.stating.hearing import Answer

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.processes.instance import OpenOrder
    from comity.testing.stating.given_process import GivenProcess
    from comity.testing.stating.walking import Walk

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Ending(Generic[S_co]):
    """One way to the end: no order is open any more."""

    done: Sequence[Command]
    """The commands that were carried out, in order."""
    refused: Sequence[Command]
    """The commands that were refused, in order."""
    state: S_co
    """The state of the instance."""
    ended: bool
    """Whether the instance has ended."""

    def count(self, kind: type[Command]) -> int:
        """How many commands of a class were carried out."""
        return sum(isinstance(command, kind) for command in self.done)


def endings(
    one: GivenProcess[S, E], *, refusing: Iterable[type[Command]] = (), most: int = 10_000
) -> Iterator[Ending[S]]:
    """Yield each way in which the open orders of an instance can end, and those that follow.

    Timers do not ring.

    Args:
        one: an instance: `given(trip).when(ASKED)`.
        refusing: the classes of the commands that may be refused; each of them is carried out in
            one ending, and refused in another.
        most: how many endings to look at.

    Raises:
        WiringError: there are more endings.
        ProcessFailed: `evolve` or `react` failed, or the orders are a loop.

    Example:
        for ending in endings(given(trip).when(ASKED), refusing=[Reserve]):
            assert ending.count(Reserve) - ending.count(Cancel) in (0, 3)
    """
    kinds, found = tuple(refusing), 0
    ways: list[_Way[S, E]] = [_Way(one.walk, (), ())]
    while ways:
        walk, done, refused = way = ways.pop()
        if walk.instance.orders:
            ways += reversed([*_next(way, kinds)])
            continue
        found += 1
        if found > most:
            msg = f"endings: expected at most {most:,} ways to the end, got more"
            raise WiringError(f"{msg}: begin later in the story, refuse less, or say most=")
        yield Ending(done, refused, walk.instance.state, not walk.instance.running)


class _Way(NamedTuple, Generic[S, E]):
    """The beginning of a way."""

    walk: Walk[S, E]
    done: tuple[Command, ...]
    refused: tuple[Command, ...]


def _next(way: _Way[S, E], refusing: tuple[type[Command], ...]) -> Iterator[_Way[S, E]]:
    """Yield how it can go on: by the answer to each open order."""
    walk, done, refused = way
    for number, order in walk.instance.orders.items():
        command = walk.process.ordered(order)
        yield _Way(_after(walk, number, order), (*done, command), refused)
        if isinstance(command, refusing):
            no = _after(walk, number, order, Rejected("refused"))
            yield _Way(no, done, (*refused, command))


def _after(
    walk: Walk[S, E], number: int, order: OpenOrder, refusal: Rejected | None = None
) -> Walk[S, E]:
    """The walk after the answer to an order."""
    after = walk.branch()
    after.hear(Answer(order.name, order.key, refusal, number=number), "endings(...)")
    return after
