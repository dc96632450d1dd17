"""`comity parked`: shows, replays or drops the events on which `project` failed."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from comity.actors.projecting.found_routes import FoundRoutes
from comity.cli.arguments import (
    FLAG,
    Aggregate,
    AsJson,
    DeciderNames,
    JournalPath,
    Model,
    ModelsFolder,
    load_deciders,
    read_aggregate,
)
from comity.cli.console import cell, complain, show, show_columns, show_json
from comity.cli.generation import current_generation, model_folder, opened_generation
from comity.cli.opening import opened
from comity.engine import AggregateId, Invalid, ModelInUse, ReadModelError, WiringError
from comity.readmodels.generations.generations import fits, open_projection
from comity.readmodels.generations.model_folder import put_away
from comity.readmodels.projecting.parking import Parked, parked_events
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.tables.read_model import AnyReadModel

parked = typer.Typer(
    help="Show the events that a read model has parked, replay them, or drop them.",
    no_args_is_help=True,
)

OneAggregate = Annotated[
    AggregateId | None,
    typer.Argument(
        metavar="TYPE/KEY",
        parser=read_aggregate,
        help="Only events of this aggregate; by default of all.",
        show_default=False,
    ),
]


@parked.command("list")
def list_(
    path: JournalPath, model: Model, *, models: ModelsFolder = None, json: AsJson = False
) -> None:
    """Show the parked events, in the order of the journal.

    JSON has one object per line.
    """
    folder = model_folder(path, models, model.stored_as)
    with opened_generation(current_generation(folder)) as generation:
        found = list(parked_events(generation.reading))
    if json:
        for one in found:
            show_json(one._asdict())
    elif found:
        show_columns(_rows(found), right=[0, 2])
    else:
        show(f"{model.__name__} has no parked events")


@parked.command()
def replay(
    path: JournalPath,
    model: Model,
    aggregate: OneAggregate = None,
    *,
    decider: DeciderNames = None,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Apply parked events again, after `project` was fixed. The model must not be open in a domain.

    Events that still fail stay parked.
    """
    try:
        routes = FoundRoutes.by(model, load_deciders(decider))
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    taken, failed = 0, dict[str, str]()
    with _projecting(path, model, models, "replay()") as projection, opened(path) as journal:
        waiting = _waiting(projection, aggregate)
        for one in dict.fromkeys(each.aggregate for each in waiting):
            its = [each for each in waiting if each.aggregate == one]
            try:
                projection.replay(one, routes.again(journal, its))
            except CannotProject as failure:
                failed[str(one)] = str(failure)
            else:
                taken += len(its)
    if json:
        show_json({"taken": taken, "failed": failed})
    else:
        show(f"{model.__name__}: {taken:,} parked events were applied")
    if failed:
        said = "; ".join(f"{one}: {why}" for one, why in failed.items())
        raise typer.Exit(complain(f"these events still fail and stay parked: {said}", 1))


@parked.command()
def drop(
    path: JournalPath,
    model: Model,
    aggregate: Aggregate,
    *,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", metavar=FLAG, help="Confirm: they are dropped until the model is rebuilt."
        ),
    ] = False,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Drop an aggregate's parked events. Only a rebuild of the model brings them back.

    The model must not be open in a domain.
    """
    if not yes:
        msg = (
            f"the parked events of {aggregate} would be dropped until the model is rebuilt: "
            "add --yes to confirm"
        )
        raise typer.BadParameter(msg)
    with _projecting(path, model, models, "drop(...)") as projection:
        _waiting(projection, aggregate)
        dropped = projection.drop(aggregate)
    if json:
        show_json({"dropped": dropped})
    else:
        show(f"{model.__name__}: {dropped:,} parked events of {aggregate} were dropped")


@contextmanager
def _projecting(
    path: Path, model: type[AnyReadModel], models: Path | None, what: str
) -> Generator[Projection]:
    """Open the model's tables for writing, while its domain is closed.

    Raises:
        ModelInUse: its domain is running.
        ReadModelError: the tables do not match this class.
    """
    name = model.__name__
    folder = model_folder(path, models, model.stored_as)
    try:
        lock = folder.lock()
    except ModelInUse:
        msg = f"a domain has {name} open: call domain.model({name}).{what} there, or close it first"
        raise ModelInUse(msg) from None
    try:
        current = current_generation(folder)
        if not fits(model, current):
            msg = (
                f"{current} was not built by this version of {name}, or is not sound: run comity "
                "rebuild, which also applies the parked events again"
            )
            raise ReadModelError(msg)
        projection = open_projection(model, current)
        try:
            yield projection
        finally:
            put_away(projection.environment)
    finally:
        lock.release()


def _waiting(projection: Projection, aggregate: AggregateId | None) -> Sequence[Parked]:
    waiting = projection.parked(aggregate)
    if aggregate is not None and not waiting:
        msg = f"{projection.model.__name__} has no parked events of {aggregate}"
        raise Invalid(msg)
    return waiting


def _rows(found: Sequence[Parked]) -> Iterator[Sequence[Text]]:
    heads = ("POSITION", "AGGREGATE", "VERSION", "EVENT", "WHO", "WHY")
    yield [cell(head, "dim") for head in heads]
    for one in found:
        yield (
            cell(f"{one.position:,}", "cyan"),
            cell(one.aggregate, "bold"),
            cell(f"{one.version:,}"),
            cell(one.event),
            cell(one.who or "–"),
            cell(one.error) if one.error else cell("waits for an earlier event", "dim"),
        )
