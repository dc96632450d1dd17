"""Who goes away in the middle of an answer does no wrong: no server logs that something failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest
from anyio import BrokenResourceError
from examples.board.domain import AddCard
from examples.board.read_models import Cards
from examples.sprint.domain import sprint
from examples.web.app import make_app
from examples.web.departures import Departures
from examples.web.streams import Streams
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from comity.actors import Domain

GONE = {"type": "http.disconnect"}
HEADERS = [
    (b"host", b"localhost"),
    (b"content-type", b"application/json"),
    (b"x-person", b"ann"),
    (b"x-session", b"tab-of-ann"),
]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """The worker's app, with a board of 20 cards."""
    with Domain.open(tmp_path / "db", deciders=[sprint], read_models=[Cards]) as domain:
        board = domain.session("ann").aggregate(sprint, "a")
        for number in range(1, 21):
            board.send(AddCard(card=f"c{number}", number=number, title="Task")).result(60)
        app = make_app(tmp_path / "db")
        app.state.domain, app.state.streams = domain, Streams()
        yield app


def asked(method: str, path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


@pytest.mark.parametrize("what", ["events", "live"])
def test_a_page_goes_away_while_events_wait_for_it(app: FastAPI, what: str) -> None:
    async def answer() -> None:
        has_something = asyncio.Event()

        async def receive() -> Message:
            await has_something.wait()
            await asyncio.sleep(0.1)  # meanwhile what comes next piles up
            return GONE

        async def send(message: Message) -> None:
            if message.get("body"):
                has_something.set()
                await asyncio.Event().wait()  # it takes no more than that

        await asyncio.wait_for(app(asked("GET", f"/boards/a/{what}"), receive, send), 30)

    asyncio.run(answer())
    assert len(app.state.streams) == 0


def test_a_page_goes_away_before_its_command_has_arrived(app: FastAPI) -> None:
    async def answer() -> None:
        parts: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, GONE]

        async def receive() -> Message:
            return parts.pop(0) if len(parts) > 1 else parts[0]

        async def send(message: Message) -> None:
            pass

        await app(asked("POST", "/boards/a/commands/AddCard"), receive, send)

    asyncio.run(answer())


@pytest.mark.parametrize("message", [{"type": "http.request"}, GONE])
def test_what_fails_while_the_client_is_there_is_not_kept_quiet(message: Message) -> None:
    async def broken(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        error = BrokenResourceError() if message != GONE else ZeroDivisionError()
        raise ExceptionGroup("in a group of tasks", [error])

    async def receive() -> Message:
        return message

    async def send(_message: Message) -> None:
        pass

    with pytest.raises(ExceptionGroup):
        asyncio.run(answered(Departures(broken)(asked("GET", "/"), receive, send)))


async def answered(answer: Awaitable[None]) -> None:
    await answer
