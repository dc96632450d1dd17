"""`GET /boards/{key}/closing`: how far a sprint's closing is, and its open cards.

`guide` has the guided task itself, live.
"""

from __future__ import annotations

from examples.sprint.read_models import ClosingRow, Closings, new_closing
from examples.web.dependencies import AfterPosition, BoardKey, FromDomain, read
from examples.web.reading import Known, answer, rows_of, unchanged
from examples.web.tags import has_already, tag_of
from fastapi import APIRouter, Response

MOST = 200
"""The most open cards that an answer has; it also has the number of further ones."""

router = APIRouter()


@router.get("/boards/{key}/closing")
async def closing(
    key: BoardKey, domain: FromDomain, after: AfterPosition, known: Known = None
) -> Response:
    """The closing of a sprint."""
    with await read(domain, Closings, after) as model:
        row = model.rows.get(key) or new_closing(key)
        tag = tag_of(Closings, row.version)
        if has_already(known, tag):
            return unchanged(tag, model.position)
        return answer(shown(model, row), tag, model.position)


def shown(model: Closings, row: ClosingRow) -> dict[str, object]:
    """What a page shows of a closing: all of it from one snapshot, so at one version."""
    cards = model.open.prefix(row.board).list(MOST + 1)
    undecided = sum(card.fate is None for card in cards)
    return {
        **row.model_dump(mode="json"),
        "position": model.position,
        "cards": rows_of(cards[:MOST]),
        "more": len(cards) > MOST,
        "undecided": undecided,
    }
