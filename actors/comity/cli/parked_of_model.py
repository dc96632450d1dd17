"""The parked events of a read model: shown, replayed or dropped. `comity parked` uses it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import typer
from rich.text import Text

from comity.actors.projecting.found_routes import FoundRoutes
from comity.cli.arguments import load_deciders, read_aggregate
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.generation import current_generation, model_folder, opened_generation
from comity.cli.opening import opened
from comity.engine import AggregateId, Invalid, ModelInUse, ReadModelError, WiringError
from comity.readmodels.generations.generations import fits, open_projection
from comity.readmodels.generations.model_folder import put_away
from comity.readmodels.projecting.parking import Parked, parked_events
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.tables.read_model import AnyReadModel


class Replayed(NamedTuple):
    """What became of parked events that were applied again."""

    taken: int
    failed: Mapping[str, str]
    """Why the events of an aggregate still fail, by aggregate."""


class ModelParking:
    """The parked events of one model.

    Args:
        path: the journal.
        model: the model.
        models: the folder of the models, if it is not the default.
    """

    def __init__(self, path: Path, model: type[AnyReadModel], models: Path | None) -> None:
        self._path = path
        self._model = model
        self._models = models
        self.name = model.__name__

    def list(self, *, json: bool) -> None:
        """Print the parked events."""
        folder = model_folder(self._path, self._models, self._model.stored_as)
        with opened_generation(current_generation(folder)) as generation:
            found = [*parked_events(generation.reading)]
        if json:
            for one in found:
                show_json(one._asdict())
        elif found:
            show_columns(_rows(found), right=[0, 2])
        else:
            show(f"{self.name} has no parked events")

    def replay(self, key: str | None, deciders: Sequence[str] | None) -> Replayed:
        """Apply the parked events of an aggregate again, or of all."""
        try:
            routes = FoundRoutes.by(self._model, load_deciders([*deciders] if deciders else None))
        except WiringError as error:
            raise typer.BadParameter(str(error)) from None
        aggregate = None if key is None else read_aggregate(key)
        taken, failed = 0, dict[str, str]()
        with self._projecting("replay()") as projection, opened(self._path) as journal:
            waiting = _waiting(projection, aggregate)
            for one in dict.fromkeys(each.aggregate for each in waiting):
                its = [each for each in waiting if each.aggregate == one]
                try:
                    projection.replay(one, routes.again(journal, its))
                except CannotProject as failure:
                    failed[str(one)] = str(failure)
                else:
                    taken += len(its)
        return Replayed(taken, failed)

    def drop(self, key: str | None) -> int:
        """Drop the parked events of an aggregate, or of all."""
        aggregate = None if key is None else read_aggregate(key)
        with self._projecting("drop(...)") as projection:
            waiting = _waiting(projection, aggregate)
            return sum(projection.drop(one) for one in {each.aggregate for each in waiting})

    @contextmanager
    def _projecting(self, what: str) -> Generator[Projection]:
        """Open the model's tables for writing, while its domain is closed.

        Raises:
            ModelInUse: its domain is running.
            ReadModelError: the tables do not match this class.
        """
        name = self.name
        folder = model_folder(self._path, self._models, self._model.stored_as)
        try:
            lock = folder.lock()
        except ModelInUse:
            look = folder.look()
            look.free()
            who = look.holder or "another program"
            msg = f"{who} leads {name}: call domain.model({name}).{what} there, or close it first"
            raise ModelInUse(msg) from None
        try:
            current = current_generation(folder)
            if not fits(self._model, current):
                msg = (
                    f"{current} was not built by this version of {name}, or is not sound: run "
                    "comity rebuild, which also applies the parked events again"
                )
                raise ReadModelError(msg)
            projection = open_projection(self._model, current)
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
