"""`PUT /chat/weather` lets the chat be up, down or changing; `POST /chat/again` tries again."""

from __future__ import annotations

from typing import Annotated, cast

from examples.sprint.chat import Chat, Weather
from examples.sprint.outlets import Posts
from examples.web.dependencies import FromDomain
from fastapi import APIRouter, Body, Depends, Request, Response


def chat_of(request: Request) -> Chat:
    """The chat of this app."""
    return cast("Chat", request.app.state.chat)


FromChat = Annotated[Chat, Depends(chat_of)]

router = APIRouter()


@router.put("/chat/weather", status_code=204)
async def set_weather(chat: FromChat, weather: Annotated[Weather, Body()]) -> Response:
    """Let the chat be up, down or changing."""
    chat.weather = weather
    return Response(status_code=204)


@router.post("/chat/again", status_code=204)
def try_again(domain: FromDomain) -> Response:
    """Try again to post what is parked.

    Raises:
        LedElsewhere: another worker posts. The client comes again, until it meets that one.
    """
    domain.outlet(Posts).try_again()
    return Response(status_code=204)
