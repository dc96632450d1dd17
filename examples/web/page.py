"""The pages of a board and its closing: HTML, scripts, styles, and a policy that allows no more."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

STATIC: Final = Path(__file__).parent / "static"
Part: TypeAlias = Literal[
    "board.js", "board.css", "closing.js", "closing.css", "foot.js", "telling.js", "wire.js"
]
"""The parts of the pages."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"])
def board() -> FileResponse:
    """The page of a board."""
    return FileResponse(STATIC / "index.html", headers=HEADERS)


@router.api_route("/closing", methods=["GET", "HEAD"])
def closing() -> FileResponse:
    """The page of the guided task."""
    return FileResponse(STATIC / "closing.html", headers=HEADERS)


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
def part(name: Part) -> FileResponse:
    """A script or a style of the pages."""
    return FileResponse(STATIC / name, headers=HEADERS)


@router.get("/favicon.ico")
def icon() -> Response:
    """No icon, said in a way that is no error in the browser's console."""
    return Response(status_code=204)
