"""The reading routes: a board's cards, comments and activity, and everybody's workload.

Each answer has a strong `ETag` and the model's position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple, TypeVar

from examples.board.read_models import Activity, BoardRow, CardRow, Cards, Workload, new_board
from examples.web.dependencies import AfterPosition, BoardKey, FromDomain, read
from examples.web.tags import has_already, tag_of
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from comity.readmodels import Page, Row
from comity.readmodels import Query as Rows

MOST_PEOPLE = 50

R = TypeVar("R", bound=Row)

Name = Annotated[str | None, Query(min_length=1, max_length=100)]
Known = Annotated[str | None, Header(alias="If-None-Match", max_length=1_000)]


class Paging(NamedTuple):
    """The requested page: `?limit=20&after=<next of the page before>`."""

    limit: int
    after: str | None


def paging_of(
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    after: Annotated[str | None, Query(max_length=2_000)] = None,
) -> Paging:
    """Read the requested page from the query string."""
    return Paging(limit, after)


OfPage = Annotated[Paging, Depends(paging_of)]

router = APIRouter()


@router.get("/boards/{key}/cards")
async def cards(
    key: BoardKey,
    domain: FromDomain,
    after: AfterPosition,
    paging: OfPage,
    column: Name = None,
    assignee: Name = None,
    known: Known = None,
) -> Response:
    """A board's cards, optionally only of one column or person."""
    with await read(domain, Cards, after) as model:
        row = model.boards.get(key) or new_board(key)
        tag = tag_of(Cards, row.version)
        if has_already(known, tag):
            return unchanged(tag, model.position)
        page = selected(model, key, column, assignee).page(*paging)
        body = {**board_of(row), "cards": rows_of(page.rows), "next": page.next}
        return answer(body, tag, model.position)


@router.get("/boards/{key}/cards/{card}/comments")
async def comments(
    key: BoardKey,
    card: Annotated[str, Path(min_length=1, max_length=100)],
    domain: FromDomain,
    after: AfterPosition,
    paging: OfPage,
    known: Known = None,
) -> Response:
    """The comments on a card."""
    with await read(domain, Cards, after) as model:
        row = model.boards.get(key) or new_board(key)
        tag = tag_of(Cards, row.version)
        if has_already(known, tag):
            return unchanged(tag, model.position)
        return answer(
            page_of("comments", model.comments.prefix(key, card).page(*paging)), tag, model.position
        )


@router.get("/boards/{key}/activity")
async def activity(
    key: BoardKey, domain: FromDomain, after: AfterPosition, paging: OfPage, known: Known = None
) -> Response:
    """A board's changes, latest first, and how they were merged."""
    with await read(domain, Activity, after) as model:
        changes = model.rows.prefix(key)
        latest = changes.first()
        tag = tag_of(Activity, latest.version if latest else 0)
        if has_already(known, tag):
            return unchanged(tag, model.position)
        return answer(page_of("changes", changes.page(*paging)), tag, model.position)


@router.get("/workload")
async def workload(domain: FromDomain, after: AfterPosition, known: Known = None) -> Response:
    """The number of open and done cards of each person, on all boards."""
    with await read(domain, Workload, after) as model:
        tag = tag_of(Workload, model.position)
        if has_already(known, tag):
            return unchanged(tag, model.position)
        busy = [name for name, _ in model.to_do.top(MOST_PEOPLE)]
        others = [name for name, _ in model.done.top(MOST_PEOPLE) if name not in busy]
        people = [
            {"person": name, "to_do": model.to_do[name], "done": model.done[name]}
            for name in (*busy, *others)
        ]
        return answer({"people": people}, tag, model.position)


def selected(model: Cards, key: str, column: str | None, assignee: str | None) -> Rows[CardRow]:
    """The requested cards, by a matching index."""
    if assignee is None:
        of_all = model.by_column
        return of_all.prefix(key) if column is None else of_all.prefix(key, column)
    of_one = model.by_assignee
    return of_one.prefix(key, assignee) if column is None else of_one.prefix(key, assignee, column)


def board_of(row: BoardRow) -> dict[str, object]:
    """The board's own fields for an answer."""
    return row.model_dump(mode="json")


def rows_of(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [row.model_dump(mode="json") for row in rows]


def page_of(name: str, page: Page[R]) -> dict[str, object]:
    return {name: rows_of(page.rows), "next": page.next}


def answer(body: dict[str, object], tag: str, position: int) -> Response:
    return JSONResponse(body, headers=headers(tag, position))


def unchanged(tag: str, position: int) -> Response:
    return Response(status_code=304, headers=headers(tag, position))


def headers(tag: str, position: int) -> dict[str, str]:
    return {"ETag": tag, "Comity-Position": str(position), "Cache-Control": "no-cache"}
