"""`comity aggregates`: which aggregates a journal has, with their versions and times."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

import typer

from comity.cli.arguments import AsJson, JournalPath, read_aggregate
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.opening import check_types, opened
from comity.cli.progress import watched
from comity.engine import Invalid, ListedAggregate
from comity.engine.aggregate_id import check_key
from comity.engine.history.listing import check_prefix, listed, listed_in_all

if TYPE_CHECKING:
    from rich.text import Text

    from comity.engine.journal.journal import Journal

FEW: Final = 20
"""How many are shown by default; as JSON all."""
PAGE: Final = 200
"""How many are aligned together."""

Type = Annotated[
    str | None,
    typer.Argument(metavar="TYPE", help="Only those of this type.", show_default=False),
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Only keys that begin with it.", show_default=False),
]
After = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help="Start after this key; without TYPE after TYPE/KEY.", show_default=False
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help=f"So many; by default {FEW}, or all as JSON.", show_default=False
    ),
]


def aggregates(
    path: JournalPath,
    type_: Type = None,
    *,
    prefix: Prefix = None,
    after: After = None,
    limit: Limit = None,
    json: AsJson = False,
) -> None:
    """List the aggregates that have events: versions, times of the last events, types and keys.

    Works without the program's classes, beside an open domain and without one. JSON has one object
    per line.
    """
    if prefix and type_ is None:
        msg = "--prefix needs a TYPE, whose keys begin with it"
        raise typer.BadParameter(msg)
    with opened(path) as journal:
        check_types(journal, [] if type_ is None else [type_])
        found = _found(journal, type_, prefix or "", after)
        most = limit or (None if json else FEW)
        if not sys.stdout.isatty():
            found = watched(found, "listing aggregates")
        if json:
            for one in islice(found, most):
                show_json(one._asdict())
        else:
            _show(found, most, type_)


def _found(
    journal: Journal, type_: str | None, prefix: str, after: str | None
) -> Iterator[ListedAggregate]:
    if type_ is None:
        return listed_in_all(journal, None if after is None else read_aggregate(after))
    try:
        key = None if after is None else check_key(after)
        return listed(journal, type_, prefix=check_prefix(prefix), after=key)
    except Invalid as error:
        raise typer.BadParameter(str(error)) from None


_HEADS: Final = ("VERSION", "CHANGED (UTC)", "AGGREGATE")


def _show(found: Iterator[ListedAggregate], most: int | None, type_: str | None) -> None:
    last: ListedAggregate | None = None
    widths: Sequence[int] = ()
    shown = islice(found, most)
    while page := list(islice(shown, PAGE)):
        heads = [] if last else [[cell(head, "dim") for head in _HEADS]]
        widths = show_columns([*heads, *map(_row, page)], right=[0], widths=widths)
        last = page[-1]
    if last is None:
        show("no aggregates")
    elif next(found, None) is not None:
        cursor = last.key if type_ else f"{last.type}/{last.key}"
        show("", f"there are more: --after {shlex.quote(cursor)}")


def _row(one: ListedAggregate) -> Sequence[Text]:
    return (
        cell(one.version, "cyan"),
        cell(f"{one.changed:%Y-%m-%d %H:%M:%S}", "dim"),
        cell(f"{one.type}/{one.key}", "bold"),
    )
