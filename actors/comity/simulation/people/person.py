"""A person of a simulation: looks at aggregates, thinks, and sends commands. Scripts use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from comity.actors.aggregate import View
from comity.engine.errors import ComityError, Invalid
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AnyDecider, Decider
from comity.engine.messages.message import Event
from comity.simulation.people.answer import Answer
from comity.simulation.people.connection import Connection
from comity.simulation.people.draft import Draft
from comity.simulation.people.memory import MOST_VIEWS, Memory
from comity.simulation.people.offline import Offline
from comity.simulation.people.waits import Pause, Until
from comity.simulation.runtime.dice import Dice

if TYPE_CHECKING:
    from comity.simulation.people.network import Network
    from comity.simulation.people.server import Server

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Person(Dice):
    """Somebody in front of a screen. All its choices come from its own seeded stream.

    Example:
        async def editor(person: Person) -> None:
            while person.working:
                await person.think(person.exponential(60))
                view = await person.look(board, "sprint-42")
                card = person.choose(sorted(view.state.cards))
                await person.do(RenameCard(card=card, title="Ship it"))
    """

    def __init__(self, name: str, number: int, server: Server, network: Network, seed: int) -> None:
        super().__init__(seed, f"person {name}")
        self.name = name
        """The name in reports, for example `editor 7`."""
        self.number = number
        """The number within the crowd, from 1."""
        self._server = server
        luck = Dice(seed, f"network of {name}")
        self._connection = Connection(name, server, network, luck)
        self._memory = Memory()
        self.away: Offline | None = None
        """Its present time offline, if it is offline."""
        self._steps = 0
        self._late = 0

    @property
    def working(self) -> bool:
        """Whether the scenario's time is not over yet."""
        return self._server.now < self._server.open_until

    @property
    def now(self) -> float:
        """Seconds since the beginning of the scenario."""
        return self._server.now

    async def think(self, seconds: float) -> None:
        """Do nothing for some seconds, while what the person sees gets older.

        Raises:
            Invalid: it is no number of seconds, 0 or more.
        """
        if not 0 <= seconds < float("inf"):
            msg = f"think: expected a number of seconds, 0 or more, got {seconds!r}"
            raise Invalid(msg)
        self._begin()
        await Pause(seconds, thinks=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, for example until another person has done something.

        A run in which everybody waits like this fails as a deadlock.
        """
        self._begin()
        await Until(condition)

    async def look(self, decider: Decider[S, C, E], key: str) -> View[S]:
        """Look at an aggregate: return it as it was when the answer left the domain.

        From now on the person's commands to it are based on this view. A person who is offline
        gets what it saw last.

        Raises:
            Invalid: it is offline, and this aggregate is not among the last `MOST_VIEWS` that it
                has looked at.
        """
        if self.away is not None:
            plain = cast("Decider[S, Command, Event]", decider)
            remembered = self._memory.again(plain, key)
            if remembered is None:
                msg = (
                    f"{self.name} is offline, and {decider.name}/{key} is not among the "
                    f"{MOST_VIEWS} aggregates that it looked at last: look before going offline"
                )
                raise Invalid(msg)
            return remembered
        self._begin()
        view, taken = await self._connection.look(decider, key)
        self._memory.see(cast("AnyDecider", decider), key, view, taken)
        return view

    async def do(
        self,
        command: C,
        decider: Decider[S, C, E] | None = None,
        key: str | None = None,
        *,
        again: int = 0,
        instead: Answer | None = None,
    ) -> Answer:
        """Send a command, and wait for its answer. A refusal is a value here, not an error.

        Args:
            command: the change that the person wants.
            decider: the type of the aggregate that it is for, together with `key`; by default the
                aggregate that the person looked at last.
            key: the aggregate's key.
            again: how many times a refused command is sent again, each time after another look.
            instead: the answer to a refused command, if this one is the person's next attempt at
                the same thing. Reports count both as one wish.

        Raises:
            Invalid: the aggregate's decider has no such command, or the person has not looked at
                anything yet and names no aggregate.
        """
        draft = self._draft(command, decider, key)
        draft.again = None if instead is None else instead.number
        if self.away is not None:
            self.away.drafts.append(draft)
            return Answer("drafted")
        answer = await self._do(draft)
        for _ in range(again):
            if not answer.refused:
                break
            await self.look(draft.decider, draft.key)
            draft = self._draft(command, draft.decider, draft.key)
            draft.again = answer.number
            answer = await self._do(draft)
        return answer

    def offline(self) -> Offline:
        """Be offline inside of an `async with` block.

        Commands of that time are drafts, based on what the person saw before. When the block ends,
        they are sent together, in their order.

        Example:
            async with person.offline() as away:
                await person.think(3600)
                await person.do(RenameCard(card="c1", title="Ship it"))
            print(away.answers)
        """
        return Offline(self)

    # --- drafts ---------------------------------------------------------------------------------

    def _draft(self, command: Command, decider: object, key: str | None) -> Draft:
        if decider is not None and key is not None:
            sight = self._memory.sight(cast("AnyDecider", decider), key)
        elif self._memory.last is not None:
            sight = self._memory.last
        else:
            msg = (
                f"{self.name} has not looked at anything: look first, or name the aggregate: "
                f"person.do({type(command).__name__}(...), decider, key)"
            )
            raise Invalid(msg)
        return Draft(
            self.name, command, sight.decider, sight.key, sight.version, sight.taken, self.now
        )

    async def _do(self, draft: Draft) -> Answer:
        return (await self.send([draft]))[0]

    async def send(self, drafts: Sequence[Draft]) -> list[Answer]:
        """Send drafts together, in their order, and return their answers. `Offline` calls it."""
        self._begin()
        allowed: list[Draft] = []
        for draft in drafts:
            self._steps += 1
            if self._server.allows(self.name, self._steps):
                draft.id = f"{self.name}: {self._steps}"
                draft.number, draft.sent = self._server.number(), self.now
                allowed.append(draft)
        try:
            await self._connection.send(allowed)
        except GeneratorExit:  # the run ends here, perhaps because of this very command
            for draft in allowed:
                draft.take(self.now)
                draft.answer = draft.given
                self._server.note(draft.attempt(self.now))
            raise
        for draft in allowed:
            self._server.note(draft.attempt(self.now))
            if isinstance(draft.answer, ComityError) and draft.settled:
                self._server.check(self.name, draft.answer)
        return [
            Answer.of(draft.answer, draft.number) if draft.id else Answer("left out")
            for draft in drafts
        ]

    def begun_late(self) -> int:
        """Return how many things it has begun after the working time."""
        return self._late

    def _begin(self) -> None:
        self._late += self.now > self._server.open_until

    def __repr__(self) -> str:
        return f"Person({self.name!r})"
