"""Decides the turns of aggregates that several processes write, while the others cannot write.

A turn that was decided as usual is stored only if no other process has written its aggregate
meanwhile. Where several do so all the time, most turns would be lost and decided again, and the
slowest process might never be first. Therefore a lost turn makes its aggregate *contended*: for 0.2
seconds after the last foreign record, the committer takes its actor's turns, instead of the pool.
It keeps other processes from writing (`Journal.alone`), lets the actor decide on the newest state,
and stores what was decided. That cannot be lost.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from comity.actors.aggregates.decided_turn import DecidedTurn
    from comity.actors.aggregates.task import Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.runtime.clock import Clock

_log = logging.getLogger("comity")

CONTENDED: Final = 0.2
"""Seconds that an aggregate stays contended after another process has written it."""

MOST_SECONDS: Final = 0.02
"""The time for deciding while other processes wait to write; what is left waits for its turn."""

SLOW: Final = 0.5
"""Seconds after which the log says whose commands held up the other processes."""


class Contended(Protocol):
    """The part of an `AggregateActor` that is used here."""

    @property
    def id(self) -> AggregateId:
        """The aggregate."""
        ...

    @property
    def durable(self) -> int:
        """The version that the journal is known to hold."""
        ...

    def begin_turn(self) -> Sequence[Task] | None:
        """Begin the queued turn with these commands; None: another thread has begun it."""
        ...

    def decide_alone(self, messages: Sequence[Task], until: float) -> DecidedTurn | None:
        """Decide what waits, and then these, up to this time; the turn is then in the air."""
        ...

    def end_turn(self) -> None:
        """End the turn that has begun; queue the next one if anything waits."""
        ...

    def nudge(self) -> None:
        """Let the pool take a queued turn."""
        ...

    def expect_others(self, until: float) -> None:
        """Expect that other processes write the aggregate too, until this time; 0: they do not."""
        ...


class Contention:
    """The actors whose turns the committer takes, on the thread with its role.

    Args:
        journal: its other writers are kept away.
        clock: ends deciding in time.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._now = clock.monotonic
        self._waiting: deque[Contended] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, actor: Contended) -> None:
        """Let the actor take its queued turn with the next group. Any thread."""
        self._waiting.append(actor)

    def lose(self, turn: DecidedTurn) -> None:
        """Take a turn back that another process forestalled, and call its aggregate contended."""
        turn.flight.contended = self._now() + CONTENDED
        turn.flight.lose()

    def let_go(self) -> None:
        """Let the pool take the waiting turns: the journal cannot be written now."""
        while self._waiting:
            actor = self._waiting.popleft()
            actor.expect_others(0.0)
            actor.nudge()

    @contextmanager
    def decided(self, group: list[DecidedTurn]) -> Generator[None]:
        """Add what the waiting actors decide to the group, and keep others away in the block.

        The block appends the group and answers its commands; then the actors' turns end.

        Raises:
            StorageFailed: the journal cannot be written now; the block did not begin.
        """
        actors: list[Contended] = []
        try:
            with self._journal.alone():
                until = self._now() + MOST_SECONDS
                while self._waiting and (not actors or self._now() < until):
                    actor = self._waiting.popleft()
                    if (messages := actor.begin_turn()) is not None:
                        actors.append(actor)
                        if (turn := self._decide(actor, messages, until)) is not None:
                            group.append(turn)
                yield
        finally:
            for actor in actors:
                actor.end_turn()

    def _decide(
        self, actor: Contended, messages: Sequence[Task], until: float
    ) -> DecidedTurn | None:
        began, durable = self._now(), actor.durable
        turn = actor.decide_alone(messages, until)
        if actor.durable != durable:  # another process has written it
            actor.expect_others(began + CONTENDED)
        if (took := self._now() - began) > SLOW:
            _log.warning(
                "%s took %.2f s to decide, while other processes waited to write", actor.id, took
            )
        return turn
