"""The pages, the board and its closing: HTML, scripts, styles, and a policy that allows no others.

The writer serves it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

from examples.web.settings import Settings
from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response

STATIC: Final = Path(__file__).parent / "static"
Part: TypeAlias = Literal[
    "board.js", "board.css", "closing.js", "closing.css", "telling.js", "wire.js"
]
"""The parts of the pages."""


def page_router(settings: Settings) -> APIRouter:
    """The page's routes; the page gets the list of readers, and may connect only to these."""
    router = APIRouter()
    headers = {
        "Content-Security-Policy": policy(settings.readers),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }

    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=headers)

    def closing() -> FileResponse:
        return FileResponse(STATIC / "closing.html", headers=headers)

    def part(name: Part) -> FileResponse:
        return FileResponse(STATIC / name, headers=headers)

    def readers() -> JSONResponse:
        return JSONResponse({"readers": settings.readers})

    def icon() -> Response:
        return Response(status_code=204)

    router.add_api_route("/", page, methods=["GET", "HEAD"], response_model=None)
    router.add_api_route("/closing", closing, methods=["GET", "HEAD"], response_model=None)
    router.add_api_route("/static/{name}", part, methods=["GET", "HEAD"], response_model=None)
    router.add_api_route("/readers", readers, methods=["GET"], response_model=None)
    router.add_api_route("/favicon.ico", icon, methods=["GET"], response_model=None)
    return router


def policy(readers: tuple[str, ...]) -> str:
    """The content security policy."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(("connect-src 'self'", *readers)),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
