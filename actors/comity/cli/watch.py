"""`comity watch`: the current rows of a read model, then each change."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress

import typer
from rich.text import Text

from comity.actors import ReadModels, Update
from comity.cli.arguments import AsJson, JournalPath, Model, ModelsFolder
from comity.cli.asked import (
    Asked,
    Before,
    KeyParts,
    Prefix,
    Since,
    WatchedName,
    Where,
    find_source,
)
from comity.cli.console import cell, complain, show, show_json
from comity.cli.generation import model_folder
from comity.cli.query import SWAPPING
from comity.cli.rows import Shown, in_line
from comity.readmodels.tables.figure import AnyFigure
from comity.readmodels.tables.query import Selection
from comity.readmodels.tables.row import Row

STYLES: Mapping[str, str] = {"present": "dim", "put": "green", "gone": "red", "reset": "yellow"}
BREATH = 1.0
"""Seconds between two checks for Ctrl-C."""


def watch(
    path: JournalPath,
    model: Model,
    source: WatchedName = None,
    key: KeyParts = None,
    *,
    prefix: Prefix = None,
    since: Since = None,
    before: Before = None,
    where: Where = None,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Show the current rows, then each change, until Ctrl-C.

    `present` is a current row, `put` a new or changed one, `gone` one that was deleted or no longer
    matches; after `reset` all current rows follow again. JSON has one object per line.
    """
    asked = Asked(tuple(key or ()), prefix, since, before, tuple(where or ()))
    found = find_source(model, source)
    if isinstance(found, AnyFigure):
        msg = f"{found.name} has figures: watch a table or an index"
        raise typer.BadParameter(msg)
    place = model_folder(path, models, model.stored_as)
    with _warnings_shown(), ReadModels.open(path, [model], folder=place.path.parent) as opened:
        with opened.read(model, timeout=SWAPPING, stale=True) as bound:
            question = asked.of(found, bound.binding.reading)
        selection: Selection[Row] = Selection(question)
        with suppress(KeyboardInterrupt), opened.watch(selection) as watching:
            while True:
                update = watching.next(BREATH)
                if update is not None:
                    _tell(update, json=json)


def _tell(update: Update[Row], *, json: bool) -> None:
    row: Shown | None = None
    if update.row is not None:
        row = {name: getattr(update.row, name) for name in type(update.row).model_fields}
    if json:
        show_json({"kind": update.kind, "position": update.position, "row": row})
        sys.stdout.flush()
        return
    line = Text.assemble(
        cell(f"{update.position:>7,}  ", "cyan"),
        cell(f"{update.kind:<7}  ", STYLES[update.kind]),
        in_line(row or {}),
    )
    line.rstrip()
    show(line)


class _Complaints(logging.Handler):
    """Prints on stderr, on one line, why the model cannot be followed."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage(), 0)


@contextmanager
def _warnings_shown() -> Generator[None]:
    logger, handler = logging.getLogger("comity"), _Complaints(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
