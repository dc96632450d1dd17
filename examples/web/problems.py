"""Answers that say no, as problems (RFC 9457): comity's errors, and what is wrong with a request.

What a client sent is not told back to it, and texts have an end.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from comity.engine import (
    Behind,
    Busy,
    ComityError,
    Conflicted,
    FromTheFuture,
    Invalid,
    NotExecuted,
    NotReady,
    OutcomeUnknown,
    Refused,
    Rejected,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST_TEXT = 1_000
MOST_ERRORS = 10


class Kind(NamedTuple):
    """What sort of problem it is: its type, status and title are always the same."""

    name: str
    status: HTTPStatus
    title: str


CONFLICTED = Kind("conflicted", HTTPStatus.CONFLICT, "It clashes with what others did meanwhile")
REJECTED = Kind("rejected", HTTPStatus.UNPROCESSABLE_ENTITY, "A rule of the board says no")
INVALID = Kind("invalid", HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be right")
FROM_THE_FUTURE = Kind(
    "from-the-future", HTTPStatus.PRECONDITION_FAILED, "No such version was there to be seen"
)
BUSY = Kind("busy", HTTPStatus.SERVICE_UNAVAILABLE, "Too much is going on")
NOT_EXECUTED = Kind("not-executed", HTTPStatus.SERVICE_UNAVAILABLE, "Nothing was done")
NOT_READY = Kind("not-ready", HTTPStatus.SERVICE_UNAVAILABLE, "The tables are being built")
OUTCOME_UNKNOWN = Kind(
    "outcome-unknown", HTTPStatus.GATEWAY_TIMEOUT, "It may or may not have happened"
)
BEHIND = Kind("behind", HTTPStatus.GATEWAY_TIMEOUT, "The tables are behind the wanted position")
FAILED = Kind("failed", HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong here")


class Problem(Exception):
    """Raise it, and the client is told.

    Args:
        kind: what sort it is.
        detail: what is the matter this time.
        retry_after: seconds to wait before asking again.
        members: what else the client is told.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        retry_after: float | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.retry_after = retry_after
        self.members = dict(members or {})

    def response(self) -> JSONResponse:
        """As it is sent."""
        kind = self.kind
        body = {
            "type": f"urn:comity:problem:{kind.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": cut(str(self)),
            **self.members,
        }
        headers = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        return JSONResponse(body, kind.status, headers, MEDIA_TYPE)


def problem_of(error: ComityError) -> Problem:
    """The problem that an error of comity's is to a client. It may read history: not on a loop."""
    match error:
        case Conflicted() | Rejected():
            return _refused(error)
        case FromTheFuture():
            found = Problem(FROM_THE_FUTURE, str(error))
        case Invalid():
            found = Problem(INVALID, str(error))
        case Busy(retry_after=seconds):
            found = Problem(BUSY, str(error), retry_after=seconds)
        case NotExecuted():  # its text may tell what only this program's own log should
            found = Problem(NOT_EXECUTED, "Nothing was changed; send it again.", retry_after=1)
        case OutcomeUnknown():
            found = Problem(OUTCOME_UNKNOWN, "Send it again with the same Idempotency-Key.")
        case Behind(position=position):
            found = Problem(BEHIND, str(error), retry_after=1, members={"position": position})
        case NotReady():
            found = Problem(NOT_READY, str(error), retry_after=1)
        case _:
            found = Problem(FAILED, "The log says more.")
    return found


def _refused(error: Refused) -> Problem:
    report = error.report
    members: dict[str, object] = {"report": report.model_dump(mode="json")}
    if isinstance(error, Rejected):
        members |= {"code": error.code, "fields": dict(error.fields)}
        return Problem(REJECTED, error.reason, members=members)
    return Problem(CONFLICTED, report.sentence(), members=members)


def invalid(error: ValidationError) -> Problem:
    """What is wrong with a command's fields."""
    return _invalid(error.errors(include_url=False, include_context=False, include_input=False))


def _invalid(errors: Sequence[ErrorDetails]) -> Problem:
    told = [
        {"at": cut("/".join(map(str, error["loc"])), 100), "said": cut(error["msg"], 200)}
        for error in errors[:MOST_ERRORS]
    ]
    said = "; ".join(f"{one['at']}: {one['said']}" if one["at"] else one["said"] for one in told)
    return Problem(INVALID, said, members={"errors": told})


def cut(text: str, most: int = MOST_TEXT) -> str:
    """The text, or its beginning where it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def answer_with_problems(app: FastAPI) -> None:
    """Have the app tell every error as a problem."""

    # Plain functions run on a thread: a refusal's report may have to read history first.
    def told(_: Request, error: Exception) -> JSONResponse:
        match error:
            case Problem():
                return error.response()
            case ComityError():
                problem = problem_of(error)
                if problem.kind in (FAILED, NOT_EXECUTED):
                    _log.error("%s: %s", type(error).__name__, error, exc_info=error)
                return problem.response()
            case RequestValidationError():
                return _invalid(cast("Sequence[ErrorDetails]", error.errors())).response()
            case HTTPException(status_code=code):
                status = HTTPStatus(code)
                kind = Kind(status.name.lower().replace("_", "-"), status, status.phrase)
                return Problem(kind, status.description or status.phrase).response()
            case _:
                return Problem(FAILED, "The log says more.").response()

    for kind in (Problem, ComityError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, told)
