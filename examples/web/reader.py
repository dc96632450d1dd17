"""A reader process: serves the same tables, live, for the writer's page. Start any number.

COMITY_PATH=team.db COMITY_WRITER=http://127.0.0.1:8000 uvicorn examples.web.reader:app --port 8001
"""

from __future__ import annotations

from examples.board.read_models import Activity, Cards, Workload
from examples.sprint.read_models import Closings
from examples.web.app import make_app
from examples.web.settings import HOSTS, Settings
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from comity.actors import ReadModels


def reader(settings: Settings) -> FastAPI:
    """Make a reader's app."""
    app = make_app(
        "A board: a reader",
        lambda: ReadModels.open(settings.path, [Cards, Workload, Activity, Closings]),
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins(settings.writer),
        allow_methods=["GET"],
        allow_headers=["After", "If-None-Match", "Last-Event-ID"],
        expose_headers=["ETag", "Comity-Position", "Retry-After"],
    )
    return app


def origins(writer: str) -> list[str]:
    """The writer's origin, with each host name of this machine."""
    scheme, _, host = writer.partition("://")
    name, _, port = host.partition(":")
    return [f"{scheme}://{one}:{port}" for one in HOSTS] if name in HOSTS else [writer]


app = reader(Settings.of_environment())
