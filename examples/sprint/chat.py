"""A team's chat: another system, which is down half of the time. An outlet posts to it.

It stands for any service behind HTTP. Everything is in memory, and ends with the program.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

MOST = 50
"""The most posts that it keeps of each room."""

Weather: TypeAlias = Literal["up", "changing", "down"]


class ChatDown(Exception):
    """The chat does not answer. Nothing was posted, or the answer was lost."""


class Post(NamedTuple):
    """A post in a room."""

    id: str
    text: str


class Chat:
    """Rooms with posts. A post that comes again with the same id is there once."""

    def __init__(self, weather: Weather = "changing") -> None:
        self.weather: Weather = weather
        """`up`, `down`, or `changing`: every second call fails."""
        self.calls = 0
        """How often somebody tried to post."""
        self._rooms: dict[str, dict[str, Post]] = {}

    async def post(self, room: str, id: str, text: str) -> None:
        """Post a text.

        Raises:
            ChatDown: the chat is down. Try again with the same id.
        """
        self.calls += 1
        if self.weather == "down" or (self.weather == "changing" and self.calls % 2):
            raise ChatDown("the chat does not answer")
        posts = self._rooms.setdefault(room, {})
        posts.setdefault(id, Post(id, text))
        while len(posts) > MOST:
            del posts[next(iter(posts))]

    def posts(self, room: str) -> list[Post]:
        """The newest posts of a room, oldest first."""
        return list(self._rooms.get(room, {}).values())
