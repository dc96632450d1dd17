"""`comity query`: rows of a read model, by key, index or figure."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.text import Text

from comity.actors import ReadModels
from comity.cli.arguments import FLAG, AsJson, JournalPath, Model, ModelsFolder
from comity.cli.asked import (
    Asked,
    Before,
    KeyParts,
    Prefix,
    Since,
    SourceName,
    Where,
    find_source,
)
from comity.cli.console import cell, show, show_columns, show_json, show_value
from comity.cli.generation import model_folder
from comity.cli.key_words import KeyWords
from comity.cli.rows import Shown, show_rows
from comity.engine import Invalid
from comity.readmodels.tables.figure import AnyFigure
from comity.readmodels.tables.figures import Figures
from comity.readmodels.tables.query import MOST_ON_A_PAGE, Query
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.readmodels.tables.question import Question

SWAPPING = 0.2
"""Seconds to wait for the next generation while one is swapped."""


def query(
    path: JournalPath,
    model: Model,
    source: SourceName = None,
    key: KeyParts = None,
    *,
    prefix: Prefix = None,
    since: Since = None,
    before: Before = None,
    where: Where = None,
    scan: Annotated[
        bool, typer.Option("--scan", metavar=FLAG, help="Look at every row for --where; slow.")
    ] = False,
    into: Annotated[
        str | None,
        typer.Option(metavar="FIELD,FIELD", help="Only these columns.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most this many rows.")] = 20,
    after: Annotated[
        str | None,
        typer.Option(metavar="CURSOR", help="Continue an earlier answer.", show_default=False),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", metavar=FLAG, help="Last rows first.")
    ] = False,
    count: Annotated[
        bool, typer.Option("--count", metavar=FLAG, help="Only the number of rows.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", metavar=FLAG, help="Only which index is used, and how.")
    ] = False,
    stale: Annotated[
        bool, typer.Option("--stale", metavar=FLAG, help="Read also a model that is being built.")
    ] = False,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Query a read model: rows by key or by an index, or figures.

    Without KEY: all rows, in the order of the keys. With the first parts of a key: all rows whose
    key begins with them.
    """
    asked = Asked(tuple(key or ()), prefix, since, before, tuple(where or ()), scan)
    found = find_source(model, source)
    with reading(path, model, models, stale=stale) as bound:
        if isinstance(found, AnyFigure):
            if asked._replace(key=()) != Asked() or into or after or reverse or count or explain:
                msg = f"{found.name} has figures: give a group, or none for all groups, and --limit"
                raise typer.BadParameter(msg)
            _tell_figures(bound, found, asked.key, limit, json=json)
            return
        question = asked.of(found, bound.binding.reading)
        rows: Query[Row] = Query(bound.binding, question._replace(backwards=reverse))
        if explain:
            plan = rows.explain()
            show_json(plan._asdict()) if json else show(str(plan))
        elif count:
            number = rows.count()
            show_json({"count": number, "position": bound.position}) if json else show(
                f"{number:,}"
            )
        else:
            answer, more = _page(rows, limit, after)
            columns = _columns(found.table.codec.names, into)
            shown = [{name: getattr(row, name) for name in columns} for row in answer]
            _tell(bound, question, shown, more, json=json)


@contextmanager
def reading(
    path: Path, model: type[AnyReadModel], folder: Path | None, *, stale: bool = False
) -> Generator[AnyReadModel]:
    """A snapshot of a model.

    Raises:
        ReadModelError: it does not exist, or was built by a program with other columns.
    """
    place = model_folder(path, folder, model.stored_as)
    with (
        ReadModels.open(path, [model], folder=place.path.parent) as models,
        models.read(model, timeout=SWAPPING, stale=stale) as bound,
    ):
        yield bound


def _page(rows: Query[Row], limit: int, after: str | None) -> tuple[list[Row], str | None]:
    """A page of up to `limit` rows, and the cursor of the next page."""
    found: list[Row] = []
    while True:
        try:
            page = rows.page(min(limit - len(found), MOST_ON_A_PAGE), after)
        except Invalid as error:
            msg = f"--after: {error}"
            raise typer.BadParameter(msg) from None
        found += page.rows
        after = page.next
        if after is None or len(found) == limit:
            return found, after


def _columns(names: Sequence[str], into: str | None) -> Sequence[str]:
    if into is None:
        return names
    wanted = into.split(",")
    for name in wanted:
        if name not in names:
            msg = f"--into: there is no column {name!r:.80}; the columns are {', '.join(names)}"
            raise typer.BadParameter(msg)
    return wanted


def _tell(
    bound: AnyReadModel,
    question: Question,
    rows: Sequence[Shown],
    more: str | None,
    *,
    json: bool,
) -> None:
    name = question.source.name
    if json:
        show_json({"source": name, "position": bound.position, "rows": rows, "next": more})
        return
    head = _head(bound, name, question.words)
    if not rows:
        show(Text.assemble(head, ": no rows"))
        return
    show(head, "")
    show_rows(rows)
    if more is not None:
        show("", f"more: --after {more}")


def _head(bound: AnyReadModel, name: str, words: str) -> Text:
    title = cell(f"{type(bound).__name__}.{name}", "bold")
    return Text.assemble(title, f" at position {bound.position:,}", cell(f", {words}"))


def _tell_figures(
    bound: AnyReadModel, figure: AnyFigure, key: Sequence[str], limit: int, *, json: bool
) -> None:
    figures: Figures[object, int] = getattr(bound, figure.name)
    position = bound.position
    if key:
        words = KeyWords.like_first(figure.name, figure.stored_as, bound.binding.reading)
        group = words.key(words.read(key))
        items = [(group, figures[group])]
    else:
        items = list(figures.top(limit))
    if json:
        told = [{"group": group, "number": number} for group, number in items]
        show_json({"source": figure.name, "position": position, "figures": told})
        return
    said = f"of {_group(items[0][0])}" if key else "the greatest first"
    show(_head(bound, figure.name, said), "")
    rows = [(cell(f"{number:,}", "cyan"), cell(_group(group))) for group, number in items]
    show_columns(rows, right=[0])


def _group(group: object) -> str:
    if isinstance(group, tuple):
        return ", ".join(map(_group, cast("tuple[object, ...]", group)))
    return group if isinstance(group, str) else show_value(group)
