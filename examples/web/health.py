"""`GET /healthz`, `/readyz` and `/metrics`: each worker answers for itself.

What restarts workers asks `/healthz`, what sends requests to them `/readyz`, and Prometheus
`/metrics`. The answer to the first two is 200 or 503, with the reasons.
"""

from __future__ import annotations

from http import HTTPStatus

from examples.web.dependencies import FromDomain
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from comity.actors import PROMETHEUS_TYPE
from comity.actors import Check as Answer

router = APIRouter()


@router.get("/healthz")
async def healthz(domain: FromDomain) -> Response:
    """Whether this worker works; if not, restart it."""
    return _told(domain.health().alive)


@router.get("/readyz")
async def readyz(domain: FromDomain) -> Response:
    """Whether this worker takes commands and can be read; if not, ask another one."""
    return _told(domain.health().ready)


@router.get("/metrics")
def metrics(domain: FromDomain) -> Response:
    """The figures of this worker, and whether everything goes on."""
    return PlainTextResponse(domain.prometheus(), media_type=PROMETHEUS_TYPE)


def _told(answer: Answer) -> Response:
    status = HTTPStatus.OK if answer.ok else HTTPStatus.SERVICE_UNAVAILABLE
    said = {"ok": answer.ok, "reasons": list(answer.reasons)}
    return JSONResponse(said, status, {"Cache-Control": "no-store"})
