"""`POST /boards/{key}/commands/{name}`: sends a command and answers with its outcome.

The body is the command's fields as JSON; `If-Match` is the version that the person's page showed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final, TypeAlias, cast, get_args

from examples.board.domain import BoardCommand
from examples.sprint.domain import Sprint, SprintCommand, SprintEvent, sprint
from examples.sprint.messages import PersonsCommand
from examples.web.dependencies import BoardKey, FromDomain
from examples.web.problems import (
    INVALID,
    OUTCOME_UNKNOWN,
    Kind,
    Problem,
    cut,
    invalid,
    problem_of,
)
from examples.web.sender import Sender, sender
from examples.web.tags import version_seen
from fastapi import APIRouter, Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from comity.actors import Aggregate, Domain
from comity.engine import MergeReport, OutcomeUnknown, Receipt, Refused

ANSWER: Final = 10.0
"""Seconds to wait for the domain's answer."""
LONGEST_NAME: Final = 100
"""The most characters of a card's key, a column or a person, which become keys of tables."""
QUOTED: Final = 200
"""The most characters of a text that an answer quotes; also the limit of a title."""

WebCommand: TypeAlias = BoardCommand | PersonsCommand
"""What a person may send. The orders of the process are not among it."""
COMMANDS: Mapping[str, type[WebCommand]] = {
    kind.__name__: kind for kind in cast("tuple[type[WebCommand], ...]", get_args(WebCommand))
}
NO_SUCH_COMMAND = Kind("no-such-command", HTTPStatus.NOT_FOUND, "There is no such command")
NOT_JSON = Kind("not-json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A command's fields are JSON")

IdempotencyKey = Annotated[str | None, Header(min_length=8, max_length=80, pattern=r"^[\w.-]+$")]

router = APIRouter()


@router.post("/boards/{key}/commands/{name}")
async def send(
    key: BoardKey,
    name: str,
    request: Request,
    domain: FromDomain,
    who: Annotated[Sender, Depends(sender)],
    seen: Annotated[int | None, Depends(version_seen)],
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Send a command; answered once it is durable, or refused."""
    check_json(request.headers.get("Content-Type", ""))
    command = command_of(name, await request.body())
    aggregate = who.session(domain).aggregate(sprint, key)
    pending = aggregate.send(command, seen, id=idempotency_key)
    try:
        async with asyncio.timeout(ANSWER):
            receipt = await pending
    except Refused as refusal:
        raise await run_in_threadpool(explain, domain, aggregate, refusal) from None
    except (TimeoutError, OutcomeUnknown):
        msg = "Send it again with this id as Idempotency-Key to get its outcome."
        raise Problem(OUTCOME_UNKNOWN, msg, members={"id": pending.id}) from None
    return done(receipt)


def check_json(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(NOT_JSON, "Send it as application/json.")


def command_of(name: str, fields: bytes) -> WebCommand:
    """Make a command from its fields as JSON."""
    kind = COMMANDS.get(name)
    if kind is None:
        raise Problem(NO_SUCH_COMMAND, f"A board takes {', '.join(COMMANDS)}.")
    try:
        command = kind.model_validate_json(fields)
    except ValidationError as error:
        raise invalid(error) from None
    check(command)
    return command


def check(command: WebCommand) -> None:
    """Refuse commands that the domain accepts, but that are too long."""
    for name, value in command:
        is_name = name not in {"title", "text"} and isinstance(value, str)
        if is_name and len(cast("str", value)) > LONGEST_NAME:
            raise Problem(INVALID, f"{name}: at most {LONGEST_NAME} characters")


def done(receipt: Receipt[SprintEvent]) -> JSONResponse:
    """The answer to a command that was not refused."""
    body = {
        "id": receipt.id,
        "outcome": receipt.outcome,
        "version": receipt.version,
        "position": receipt.position,
        "events": [changed(event) for event in receipt.events],
        "sentence": receipt.report.sentence(),
        "report": receipt.report.model_dump(mode="json"),
    }
    headers = {"ETag": f'"{receipt.version}"', "Comity-Position": str(receipt.position)}
    return JSONResponse(body, headers=headers)


def explain(
    domain: Domain, aggregate: Aggregate[Sprint, SprintCommand, SprintEvent], refusal: Refused
) -> Problem:
    """The refusal, with the other people's changes that caused it."""
    problem = problem_of(refusal)
    problem.members["meanwhile"] = meanwhile(domain, aggregate, refusal.report)
    return problem


def meanwhile(
    domain: Domain, aggregate: Aggregate[Sprint, SprintCommand, SprintEvent], report: MergeReport
) -> list[dict[str, object]]:
    """The changes that clashed, with their fields; the report has only their names."""
    versions = {change.version for change in report.clashes}
    if report.decisive:
        versions.add(report.decisive.version)
    told: list[dict[str, object]] = []
    for version in sorted(versions):
        at = next(domain.history(aggregate, after=version - 1))
        told.append(
            {
                "version": version,
                "who": at.who,
                "at": at.time.isoformat(),
                **changed(at.event),
            }
        )
    return told


def changed(event: SprintEvent) -> dict[str, object]:
    """An event's name and fields; long texts are cut."""
    fields = {
        name: cut(value, QUOTED) if isinstance(value, str) else value
        for name, value in event.model_dump(mode="json").items()
    }
    return {"event": event.stored_as, "fields": fields}
