"""The outlet that tells a team's chat about a closing: reminders, and the published summary."""

from __future__ import annotations

from typing import TypeAlias

from examples.sprint.chat import Chat
from examples.sprint.messages import ClosingReminded, SummaryPublished

from comity.actors import Delivery, Outlet

Told: TypeAlias = ClosingReminded | SummaryPublished

WAITS_FOR = {
    "cards": "somebody to decide about cards",
    "reviewer": "a reviewer",
    "freeze": "somebody to freeze the board",
    "carry": "the next sprint to take its cards",
    "summary": "its summary",
    "publish": "its reviewer to publish the summary",
}


class Posts(Outlet[Told]):
    """Posts to the chat's room of the board; one room in order, many rooms at once."""

    start = "beginning"
    back_off = (0.25, 5.0)
    tries = 50

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def deliver(self, event: Told, at: Delivery) -> None:
        """Post an event. The delivery's id lets the chat recognise what it has already."""
        await self._chat.post(at.aggregate.key, at.id, said(event, at.aggregate.key))


def said(event: Told, board: str) -> str:
    match event:
        case ClosingReminded(waits_for=waits_for):
            return f"The closing of {board} waits for {WAITS_FOR.get(waits_for, waits_for)}."
        case SummaryPublished(text=text):
            return text
