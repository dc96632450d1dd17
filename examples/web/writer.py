"""The only process that writes: it serves commands, events and the page, and can serve reads too.

COMITY_PATH=team.db uvicorn examples.web.writer:app
"""

from __future__ import annotations

from examples.board.domain import board
from examples.board.read_models import Activity, Cards, Workload
from examples.web import commands, events
from examples.web.app import make_app
from examples.web.page import page_router
from examples.web.settings import Settings
from fastapi import FastAPI

from comity.actors import Domain


def writer(settings: Settings) -> FastAPI:
    """Make the writer's app."""
    models = [Cards, Workload, Activity]
    app = make_app(
        "A board: the writer",
        lambda: Domain.open(settings.path, deciders=[board], read_models=models),
    )
    app.include_router(commands.router)
    app.include_router(events.router)
    app.include_router(page_router(settings))
    return app


app = writer(Settings.of_environment())
