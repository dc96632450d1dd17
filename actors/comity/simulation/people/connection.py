"""A person's connection to the domain: requests travel there and back, and are sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from comity.actors.aggregate import View
from comity.engine.errors import Closed, ComityError, Invalid, JournalError, StorageFailed
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event
from comity.simulation.people.draft import Draft
from comity.simulation.people.waits import Answered, Pause
from comity.simulation.runtime.dice import Dice

if TYPE_CHECKING:
    from comity.simulation.people.network import Network
    from comity.simulation.people.server import Server

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

LOOKS: Final = 10_000
"""How often a person may look at one moment. It takes no time without a delay of the network."""


class NeverEnds(ComityError):
    """A script goes on without an end, at one moment."""


class Connection:
    """Sends one person's requests.

    Args:
        who: the person's name.
        server: what the requests reach.
        network: how long they travel, and how many are lost.
        luck: decides both.
    """

    def __init__(self, who: str, server: Server, network: Network, luck: Dice) -> None:
        self._who = who
        self._server = server
        self._network = network
        self._luck = luck
        self._moment = -1.0
        self._looks = 0
        """How often the person has looked at this moment."""

    async def look(self, decider: Decider[S, C, E], key: str) -> tuple[View[S], float]:
        """Ask for an aggregate until a view comes; return it, and when it left the domain.

        Raises:
            NeverEnds: the person has looked too often at this moment.
        """
        self._count_look()
        while True:
            until = self._server.now + self._network.timeout
            if await self._travels():
                taken = self._server.now
                try:
                    view = self._server.look(self._who, decider, key)
                except (Closed, StorageFailed, JournalError):
                    pass  # it is down, or cannot read now
                else:
                    if await self._travels():
                        return view, taken
            await self._wait(until)

    def _count_look(self) -> None:
        now = self._server.now
        self._looks = self._looks + 1 if now == self._moment else 1
        self._moment = now
        if self._looks > LOOKS:
            msg = f"{self._who} looked {LOOKS:,} times at one moment: let it think in its loop"
            raise NeverEnds(msg)

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Send the drafts until each has an answer that stays, or the person gives up."""
        still = list(drafts)
        for _ in range(self._network.tries):
            if not still:
                return
            until = self._server.now + self._network.timeout
            if await self._goes(still, until):
                for draft in still:
                    draft.answer = draft.given
                still = [draft for draft in still if not draft.settled]
            if still:
                await self._wait(until)

    async def _goes(self, drafts: Sequence[Draft], until: float) -> bool:
        """Send the drafts once. False: the request or the answer is lost."""
        for draft in drafts:
            draft.tries += 1
            draft.pending = draft.given = None
        if not await self._travels():
            return False
        self._put(drafts)
        pendings = [draft.pending for draft in drafts if draft.pending is not None]
        await Answered(pendings, max(0.0, until - self._server.now))
        for draft in drafts:
            draft.take(self._server.now)
        return await self._travels()

    def _put(self, drafts: Sequence[Draft]) -> None:
        """Put the drafts into the inbox of their aggregate, up to the first that is not taken."""
        for draft in drafts:
            try:
                draft.pending = self._server.send(
                    self._who, draft.decider, draft.key, draft.command, draft.seen, draft.id
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

    async def _wait(self, until: float) -> None:
        await Pause(max(0.0, until - self._server.now))
