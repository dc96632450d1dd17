"""A team's chat: another system, which is down half of the time. An outlet posts to it.

It stands for any service behind HTTP: whichever process posts to it, all of them see it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Literal, NamedTuple, TypeAlias, cast

MOST = 50
"""The most posts that it tells of a room."""

Weather: TypeAlias = Literal["up", "changing", "down"]


class ChatDown(Exception):
    """The chat does not answer. Nothing was posted, or the answer was lost."""


class Post(NamedTuple):
    """A post in a room."""

    id: str
    text: str


class Chat:
    """Rooms with posts. A post that comes again with the same id is there once.

    Args:
        path: the file that it is in, which any number of processes may have.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._do("CREATE TABLE IF NOT EXISTS chat (weather TEXT, calls INTEGER)")
        self._do("CREATE TABLE IF NOT EXISTS posts (id TEXT PRIMARY KEY, room TEXT, text TEXT)")
        self._do("INSERT INTO chat SELECT 'changing', 0 WHERE NOT EXISTS (SELECT 1 FROM chat)")

    @property
    def weather(self) -> Weather:
        """`up`, `down`, or `changing`: every second call fails."""
        return cast("Weather", self._do("SELECT weather FROM chat")[0][0])

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._do("UPDATE chat SET weather = ?", weather)

    @property
    def calls(self) -> int:
        """How often somebody tried to post."""
        return cast("int", self._do("SELECT calls FROM chat")[0][0])

    async def post(self, room: str, id: str, text: str) -> None:
        """Post a text.

        Raises:
            ChatDown: the chat is down. Try again with the same id.
        """
        self._do("UPDATE chat SET calls = calls + 1")
        if self.weather == "down" or (self.weather == "changing" and self.calls % 2):
            raise ChatDown("the chat does not answer")
        self._do("INSERT OR IGNORE INTO posts VALUES (?, ?, ?)", id, room, text)

    def posts(self, room: str) -> list[Post]:
        """The newest posts of a room, newest first."""
        found = "SELECT id, text FROM posts WHERE room = ? ORDER BY rowid DESC LIMIT ?"
        return [Post(*row) for row in self._do(found, room, MOST)]

    def _do(self, words: str, *values: str | int) -> Sequence[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as file:
            return file.execute(words, values).fetchall()
