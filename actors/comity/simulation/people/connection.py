"""A person's connection to the domain: requests travel there and back, and are sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

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

    async def look(self, decider: Decider[S, C, E], key: str) -> tuple[View[S], float]:
        """Ask for an aggregate until a view comes; return it, and when it left the domain."""
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
