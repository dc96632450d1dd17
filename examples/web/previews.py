"""`POST /boards/{key}/previews`: what would become of some commands now. Nothing is done.

The body is a list of commands; `If-Match` is the version that the person's page shows. So a page
greys out what cannot be done, and says why in the report's words.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Final

from examples.sprint.domain import SprintEvent, sprint
from examples.web.commands import ANSWER, check_json, command_of
from examples.web.dependencies import BoardKey, FromDomain
from examples.web.problems import OUTCOME_UNKNOWN, Problem, cut, invalid
from examples.web.sender import Sender, sender
from examples.web.tags import version_seen
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from comity.engine import MergeReport, Outcome, Preview

MOST: Final = 100
"""The most commands of a request."""
MOST_CHANGES: Final = 2
"""The most unseen changes that an answer names."""


class Wanted(BaseModel):
    """A command that a page could send."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: str = Field(max_length=100)
    fields: dict[str, object] = {}


_wanted = TypeAdapter(Annotated[list[Wanted], Field(max_length=MOST)])

router = APIRouter()


@router.post("/boards/{key}/previews")
async def previews(
    key: BoardKey,
    request: Request,
    domain: FromDomain,
    who: Annotated[Sender, Depends(sender)],
    seen: Annotated[int | None, Depends(version_seen)],
) -> JSONResponse:
    """Say for each command what it would do, in the order of the request."""
    check_json(request.headers.get("Content-Type", ""))
    try:
        asked = _wanted.validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from None
    commands = [command_of(one.command, json.dumps(one.fields).encode()) for one in asked]
    aggregate = who.session(domain).aggregate(sprint, key)
    pending = [aggregate.preview(command, seen) for command in commands]
    try:
        async with asyncio.timeout(ANSWER):
            found = [await one for one in pending]
    except TimeoutError:
        raise Problem(OUTCOME_UNKNOWN, "Nothing was done; ask again.") from None
    return JSONResponse({"previews": await run_in_threadpool(told, found)})


def told(found: list[Preview[SprintEvent]]) -> list[dict[str, object]]:
    return [
        {
            "outcome": one.outcome,
            "can": not one.outcome.refused,
            "why": why(one.report),
            "sentence": cut(one.report.sentence()),
            "version": one.version,
        }
        for one in found
    ]


def why(report: MergeReport) -> str | None:
    """Why a command would be refused, in the report's words; None if it would not."""
    if not report.outcome.refused:
        return None
    changes = report.clashes
    if report.outcome is Outcome.REJECTED and report.decisive is not None:
        changes = (report.decisive,)
    parts = [report.reason or "", *[change.sentence() for change in changes[:MOST_CHANGES]]]
    return cut("; ".join([part for part in parts if part]))
