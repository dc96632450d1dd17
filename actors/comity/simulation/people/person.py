"""A person of a simulation: looks at aggregates, thinks, and sends commands. Scripts use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from comity.actors.aggregate import View
from comity.engine.errors import Closed, ComityError, Invalid, JournalError, StorageFailed
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event
from comity.simulation.people.answer import Answer
from comity.simulation.people.draft import Draft
from comity.simulation.people.offline import Offline
from comity.simulation.people.waits import Answered, Pause, Until
from comity.simulation.runtime.dice import Dice

if TYPE_CHECKING:
    from comity.simulation.people.network import Network
    from comity.simulation.people.server import Server

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class _Sight(NamedTuple):
    """What a person saw of an aggregate."""

    view: View[object]
    taken: float
    """When the domain gave it."""
    decider: Decider[object, Command, Event]
    key: str


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
        self.answers: list[Answer] = []
        """The newest answers, at most ten; the last one is the newest."""
        self._server = server
        self._network = network
        self._luck = Dice(seed, f"network of {name}")
        self._sights: dict[tuple[str, str], _Sight] = {}
        self._last: _Sight | None = None
        self.away: Offline | None = None
        """Its present time offline, if it is offline."""
        self._steps = 0

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
        await Pause(seconds)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, for example until another person has done something.

        A run in which everybody waits like this fails as a deadlock.
        """
        await Until(condition)

    async def look(self, decider: Decider[S, C, E], key: str) -> View[S]:
        """Look at an aggregate: return it as it was when the answer left the domain.

        From now on the person's commands to it are based on this view. A person who is offline
        gets what it saw last.

        Raises:
            Invalid: it is offline, and has never looked at this aggregate.
        """
        if self.away is not None:
            return cast("View[S]", self._known(decider.name, key).view)
        while True:
            asked = self.now
            if await self._travels():
                taken = self.now
                try:
                    view = self._server.look(self.name, decider, key)
                except (Closed, StorageFailed, JournalError):
                    pass  # it is down, or cannot read now
                else:
                    if await self._travels():
                        self._see(view, taken, decider, key)
                        return view
            await Pause(max(0.0, asked + self._network.timeout - self.now))

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
        name = self._last.decider.name if decider is None and self._last else None
        if decider is None or key is None:
            if self._last is None or name is None:
                msg = (
                    f"{self.name} has not looked at anything: look first, or name the aggregate: "
                    f"person.do({type(command).__name__}(...), decider, key)"
                )
                raise Invalid(msg)
            sight: _Sight | None = self._last
            kind, key = self._last.decider, self._last.key
        else:
            kind = cast("Decider[object, Command, Event]", decider)
            sight = self._sights.get((kind.name, key))
        seen, taken = (None, None) if sight is None else (sight.view.version, sight.taken)
        return Draft(self.name, command, kind, key, seen, taken, self.now)

    async def _do(self, draft: Draft) -> Answer:
        return (await self.send([draft]))[0]

    async def send(self, drafts: Sequence[Draft]) -> list[Answer]:
        """Send drafts together, in their order, and return their answers. `Offline` calls it."""
        allowed: list[Draft] = []
        for draft in drafts:
            self._steps += 1
            if self._server.allows(self.name, self._steps):
                draft.id = f"{self.name}: {self._steps}"
                draft.number, draft.sent = self._server.number(), self.now
                allowed.append(draft)
        try:
            await self._deliver(allowed)
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
        answers = [
            Answer.of(draft.answer, draft.number) if draft.id else Answer("left out")
            for draft in drafts
        ]
        self.answers = [*self.answers, *answers][-10:]
        return answers

    async def _deliver(self, drafts: Sequence[Draft]) -> None:
        """Send the drafts until each has an answer that stays, or the person gives up."""
        open_drafts = list(drafts)
        for _ in range(self._network.tries):
            if not open_drafts:
                return
            until = self.now + self._network.timeout
            for draft in open_drafts:
                draft.tries += 1
                draft.pending = draft.given = None
            if await self._travels():
                self._put(open_drafts)
                await Answered(
                    [draft.pending for draft in open_drafts if draft.pending is not None],
                    max(0.0, until - self.now),
                )
                for draft in open_drafts:
                    draft.take(self.now)
                if await self._travels():
                    for draft in open_drafts:
                        draft.answer = draft.given
                    open_drafts = [draft for draft in open_drafts if not draft.settled]
            if open_drafts:
                await Pause(max(0.0, until - self.now))

    def _put(self, drafts: Sequence[Draft]) -> None:
        """Put the drafts into the inbox of their aggregate, up to the first that is not taken."""
        for draft in drafts:
            try:
                draft.pending = self._server.send(
                    self.name, draft.decider, draft.key, draft.command, draft.seen, draft.id
                )
            except Invalid:
                raise
            except ComityError as error:
                draft.given = error
                return

    async def _travels(self) -> bool:
        """Let one message travel. False: it is lost."""
        seconds = self._network.travels(self._luck)
        if seconds:
            await Pause(seconds)
        return not self._network.loses(self._luck)

    # --- what it has seen -----------------------------------------------------------------------

    def _see(
        self,
        view: View[object],
        taken: float,
        decider: Decider[S, C, E],
        key: str,
    ) -> None:
        self._last = _Sight(view, taken, cast("Decider[object, Command, Event]", decider), key)
        self._sights[decider.name, key] = self._last

    def _known(self, type_name: str, key: str) -> _Sight:
        sight = self._sights.get((type_name, key))
        if sight is None:
            msg = (
                f"{self.name} is offline and has never looked at {type_name}/{key}: look before "
                "going offline"
            )
            raise Invalid(msg)
        self._last = sight
        return sight

    def __repr__(self) -> str:
        return f"Person({self.name!r})"
