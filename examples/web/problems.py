"""Error answers as problems (RFC 9457): comity's errors, and mistakes in a request.

They never repeat the client's input, and all texts are cut.
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
    LedElsewhere,
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
    """A kind of problem, with a fixed type, status and title."""

    name: str
    status: HTTPStatus
    title: str


CONFLICTED = Kind("conflicted", HTTPStatus.CONFLICT, "It clashes with other changes")
REJECTED = Kind("rejected", HTTPStatus.UNPROCESSABLE_ENTITY, "A rule of the board refuses it")
INVALID = Kind("invalid", HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid")
FROM_THE_FUTURE = Kind(
    "from-the-future", HTTPStatus.PRECONDITION_FAILED, "There is no such version"
)
BUSY = Kind("busy", HTTPStatus.SERVICE_UNAVAILABLE, "The server is busy")
NOT_EXECUTED = Kind("not-executed", HTTPStatus.SERVICE_UNAVAILABLE, "Nothing was done")
NOT_READY = Kind("not-ready", HTTPStatus.SERVICE_UNAVAILABLE, "The tables are being built")
OUTCOME_UNKNOWN = Kind(
    "outcome-unknown", HTTPStatus.GATEWAY_TIMEOUT, "The command may or may not have taken effect"
)
BEHIND = Kind(
    "behind", HTTPStatus.GATEWAY_TIMEOUT, "The tables have not reached the requested position"
)
LED_ELSEWHERE = Kind(
    "led-elsewhere", HTTPStatus.SERVICE_UNAVAILABLE, "Another worker has to do that"
)
FAILED = Kind("failed", HTTPStatus.INTERNAL_SERVER_ERROR, "The server has an error")


class Problem(Exception):
    """Raise it to answer a request with a problem.

    Args:
        kind: the kind of problem.
        detail: what is wrong with this request.
        retry_after: seconds after which the client should try again.
        members: further members of the answer.
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
        """The HTTP response."""
        kind = self.kind
        body = {
            "type": f"urn:comity:problem:{kind.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": cut(str(self)),
            **self.members,
        }
        headers = {"Cache-Control": "no-store"}
        if kind is LED_ELSEWHERE:
            headers["Connection"] = "close"  # so that the next try may come to that worker
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        return JSONResponse(body, kind.status, headers, MEDIA_TYPE)


def problem_of(error: ComityError) -> Problem:
    """The problem for one of comity's errors. It may read the journal, so not on an event loop."""
    match error:
        case Conflicted() | Rejected():
            return _refused(error)
        case FromTheFuture():
            found = Problem(FROM_THE_FUTURE, str(error))
        case Invalid():
            found = Problem(INVALID, str(error))
        case Busy(retry_after=seconds):
            found = Problem(BUSY, str(error), retry_after=seconds)
        case NotExecuted():  # its text may be only for this program's log
            found = Problem(NOT_EXECUTED, "Nothing was changed; send it again.", retry_after=1)
        case OutcomeUnknown():
            found = Problem(OUTCOME_UNKNOWN, "Send it again with the same Idempotency-Key.")
        case Behind(position=position):
            found = Problem(BEHIND, str(error), retry_after=1, members={"position": position})
        case NotReady():
            found = Problem(NOT_READY, str(error), retry_after=1)
        case LedElsewhere():
            found = Problem(LED_ELSEWHERE, str(error), retry_after=1)
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
    """The problem for wrong fields of a command."""
    return _invalid(error.errors(include_url=False, include_context=False, include_input=False))


def _invalid(errors: Sequence[ErrorDetails]) -> Problem:
    told = [
        {"at": cut("/".join(map(str, error["loc"])), 100), "said": cut(error["msg"], 200)}
        for error in errors[:MOST_ERRORS]
    ]
    said = "; ".join(f"{one['at']}: {one['said']}" if one["at"] else one["said"] for one in told)
    return Problem(INVALID, said, members={"errors": told})


def cut(text: str, most: int = MOST_TEXT) -> str:
    """The text, cut to `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def answer_with_problems(app: FastAPI) -> None:
    """Make the app answer every error with a problem."""

    # A plain function runs on a thread, since a refusal's report may read the journal.
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
