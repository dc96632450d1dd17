"""`comity models`: the status of a domain's read models, read from their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from rich.filesize import decimal
from rich.text import Text

from comity.actors.projecting.build import begun_beside
from comity.actors.projecting.progress import Progress
from comity.cli.arguments import AsJson, JournalPath, ModelsFolder
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.generation import Generation, models_folder, opened_generation
from comity.cli.opening import opened
from comity.cli.sharers import leader, leader_of
from comity.engine import ComityError, NotReady, OtherFormat
from comity.engine.journal.journal import Journal
from comity.engine.lmdb.span import EVERYTHING
from comity.engine.runtime.system import now
from comity.readmodels.generations.build_mark import build_mark
from comity.readmodels.generations.model_folder import LOCK, ModelFolder, models_in, number
from comity.readmodels.generations.reader import checkpoint_of, stopped_of
from comity.readmodels.generations.versions import Versions
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.tables.schema import PARKED

AT_ONCE = 1.0
"""A lag of fewer seconds is normal: the model counts as following."""

State = Literal[
    "following", "behind", "building", "stopped", "other format", "not sound", "damaged", "empty"
]
STYLES: Mapping[State, str] = {
    "following": "green",
    "behind": "yellow",
    "building": "yellow",
    "stopped": "bold red",
    "other format": "yellow",
    "not sound": "red",
    "damaged": "bold red",
    "empty": "yellow",
}


def models(path: JournalPath, *, models: ModelsFolder = None, json: AsJson = False) -> None:
    """Show each read model's position, lag, rows, size and parked events, and why it has stopped.

    Works without the program's classes. JSON has one object per line.
    """
    place = models_folder(path, models)
    folders = [each for each in _folders(place) if each.is_begun()]
    with opened(path) as journal:
        end = journal.position()
        found = [_look(folder, place, journal) for folder in folders]
    if json:
        for each in found:
            show_json(each)
        return
    show(Text.assemble(cell(place, "bold"), f": the journal is at position {end:,}"), "")
    if found:
        show_columns(_rows(found), right=[2, 3, 4, 5, 6])
    else:
        show("there are no models: open the domain with read_models=[...], or run comity rebuild")


@dataclass
class Building:
    """A generation that is being built and does not answer yet."""

    generation: str
    position: int
    end: int
    """The journal's position, which the build is to reach."""
    events_per_second: float | None = None
    """Of the last seconds; None if nobody builds it at the moment, or if it has just begun."""
    seconds_left: float | None = None

    @classmethod
    def of(cls, generation: str, progress: Progress) -> Self:
        """The generation with this progress."""
        _, position, end, rate = progress
        return cls(generation, position, end, rate, progress.seconds_left)

    def __str__(self) -> str:
        progress = Progress("", self.position, self.end, self.events_per_second)
        return f"being built: {progress.percent}%{progress.speed}"


@dataclass
class Standing:
    """A model's status. docs/cli.md documents the fields."""

    model: str
    state: State = "empty"
    why: str = "not built yet; its domain builds it when it opens"
    generation: str | None = None
    position: int | None = None
    lag_events: int | None = None
    lag_seconds: float | None = None
    rows: dict[str, int] = field(default_factory=dict[str, int])
    size: int | None = None
    parked: int | None = None
    oldest_snapshot: int | None = None
    """The age, in commits, of the oldest snapshot that any process holds."""
    leader: str | None = None
    """The process that keeps it up to date; None if none does."""
    building: Sequence[Building] = ()


def _folders(place: Path) -> Iterator[ModelFolder]:
    """The folders of all models, and of their other versions while programs of several run."""
    for name in models_in(place.resolve()):
        folder = ModelFolder(place.resolve() / name)
        yield folder
        yield from Versions(folder).others()


def _look(folder: ModelFolder, place: Path, journal: Journal) -> Standing:
    name = folder.path.relative_to(place.resolve()).as_posix()
    standing = Standing(name, leader=leader_of(folder.path / LOCK) or None)
    current = folder.current()
    if current is not None:
        standing.generation = current.name
        try:
            with opened_generation(current) as generation:
                _fill(standing, generation, journal)
        except NotReady as error:
            standing.state, standing.why = "not sound", str(error)
        except OtherFormat as error:
            standing.state, standing.why = "other format", str(error)
        except Exception as error:  # a broken model must not hide the others
            said = str(error) if isinstance(error, ComityError) else repr(error)
            standing.state, standing.why = "damaged", said
    standing.building = list(_building(folder, current, journal.position()))
    return standing


def _fill(standing: Standing, generation: Generation, journal: Journal) -> None:
    environment, reading = generation.environment, generation.reading
    checkpoint = checkpoint_of(reading)
    lag = lag_of(journal, checkpoint.position, now())
    stopped = stopped_of(reading)
    standing.position = checkpoint.position
    standing.lag_events, standing.lag_seconds = lag
    for table in generation.described.columns:
        standing.rows[table] = reading.count(reading.handles[table], EVERYTHING)
    standing.size = environment.size()
    standing.parked = reading.count(reading.handles[PARKED], EVERYTHING)
    newest = environment.last_transaction()
    standing.oldest_snapshot = newest - (environment.oldest_reader() or newest)
    standing.why = ""
    if stopped is not None:
        standing.state, standing.why = "stopped", stopped.sentence()
    elif not checkpoint.complete:
        standing.state = "building"
    else:
        standing.state = "following" if lag.seconds < AT_ONCE else "behind"


def _building(folder: ModelFolder, current: Path | None, end: int) -> Iterator[Building]:
    every = folder.generations()
    newer = [path for path in every if current is None or number(path) > number(current)]
    for path in (*newer, *begun_beside(folder)):
        with suppress(Exception), opened_generation(path) as generation:  # a broken one is skipped
            name = path.relative_to(folder.path).as_posix()
            stored = Progress(name, checkpoint_of(generation.reading).position, end, None)
            mark = build_mark(path, now())
            told = stored if mark is None else Progress(name, *mark[:3])
            yield Building.of(name, told)


_HEADS = ("MODEL", "GENERATION", "POSITION", "BEHIND", "ROWS", "SIZE", "LEADER", "STATE")


def _rows(found: Sequence[Standing]) -> Iterator[Sequence[Text]]:
    yield [cell(head, "dim") for head in _HEADS]
    for one in found:
        yield (
            cell(one.model, "bold"),
            cell(one.generation or "–"),
            _number(one.position),
            _number(one.lag_events),
            _number(sum(one.rows.values()) if one.rows else None),
            cell("–" if one.size is None else decimal(one.size)),
            leader(one.leader or ""),
            Text("; ").join(_state(one)),
        )
        for each in one.building:
            yield (
                Text(),
                cell(each.generation),
                _number(each.position),
                *[Text()] * 4,
                cell(each, "dim"),
            )


def _state(one: Standing) -> Iterator[Text]:
    state = cell(one.state, STYLES[one.state])
    if one.state == "behind":
        yield Text.assemble(state, f" by {one.lag_seconds:,.0f} s")
    elif one.why:
        yield Text.assemble(state, cell(f": {one.why}".replace(": stopped", "", 1)))
    else:
        yield state
    if one.parked:
        yield cell(f"{one.parked:,} parked", "yellow")
    if one.oldest_snapshot:
        yield cell(f"a snapshot of {one.oldest_snapshot:,} commits ago is held", "yellow")


def _number(number: int | None) -> Text:
    return cell("–" if number is None else f"{number:,}", "cyan" if number else "")
