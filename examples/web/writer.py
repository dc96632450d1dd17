"""The only process that writes: it serves commands, events and the page, and can serve reads too.

COMITY_PATH=team.db uvicorn examples.web.writer:app
"""

from __future__ import annotations

from examples.board.read_models import Activity, Cards, Workload
from examples.sprint.chat import Chat
from examples.sprint.domain import sprint
from examples.sprint.outlets import Posts
from examples.sprint.process import closing
from examples.sprint.read_models import Closings
from examples.web import chatting, commands, events, guide, previews
from examples.web.app import make_app
from examples.web.page import page_router
from examples.web.settings import Settings
from fastapi import FastAPI

from comity.actors import Domain


def writer(settings: Settings) -> FastAPI:
    """Make the writer's app."""
    chat = Chat()
    app = make_app(
        "A board: the writer",
        lambda: Domain.open(
            settings.path,
            deciders=[sprint],
            read_models=[Cards, Workload, Activity, Closings],
            processes=[closing],
            outlets=[Posts(chat)],
        ),
    )
    app.state.chat = chat
    for module in (commands, previews, events, guide, chatting):
        app.include_router(module.router)
    app.include_router(page_router(settings))
    return app


app = writer(Settings.of_environment())
