"""The pages of a domain's aggregates. `Domain.aggregates` makes them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from comity.engine.aggregate_id import check_key
from comity.engine.errors import Invalid
from comity.engine.history.listing import ListedAggregate, check_prefix, listed
from comity.readmodels.tables.query import MOST_ON_A_PAGE, Page

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal


def page_of(
    journal: Journal, type_: str, prefix: str, limit: int, after: str | None
) -> Page[ListedAggregate]:
    """Return the aggregates of a type on a page; see `Domain.aggregates`."""
    if type(limit) is not int or not 1 <= limit <= MOST_ON_A_PAGE:
        msg = f"a page holds 1 to {MOST_ON_A_PAGE:,} aggregates, got {limit!r:.100}"
        raise Invalid(msg)
    check_prefix(prefix)
    found = listed(journal, type_, prefix=prefix, after=None if after is None else check_key(after))
    rows = list(islice(found, limit + 1))
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].key if more else None)
