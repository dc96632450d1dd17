"""Builds a model with several processes, each for its share of the aggregates, and merges.

Every process reads the whole journal, and projects only the events of its own aggregates into its
own tables. If the model is `keyed_by_aggregate`, the rows of two processes have different keys. So
merging only appends sorted entries; figures are added up.
"""

from __future__ import annotations

import heapq
import logging
import signal
import sys
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import groupby, islice
from multiprocessing import connection, get_context
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from comity.actors.projecting.build import begun_projection, go_through
from comity.actors.projecting.found_routes import FoundRoutes, TypeEvents
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.progress import Teller
from comity.engine.errors import ComityError, NotReady, ReadModelError, WiringError, describe_error
from comity.engine.journal.opener import JournalOpener
from comity.engine.lmdb.span import EVERYTHING, Entry
from comity.engine.runtime.system import SYSTEM_CLOCK, Flag, is_main_thread
from comity.readmodels.generations.generations import fits, new_projection, put_away_projection
from comity.readmodels.generations.model_folder import ModelFolder, open_generation, put_away
from comity.readmodels.generations.reader import checkpoint_of
from comity.readmodels.keys.encoding import decode
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.reading import Reading
from comity.readmodels.tables.figure import NOTHING, Figure
from comity.readmodels.tables.schema import CHANGES, META, PARKED
from comity.readmodels.tables.state import CHECKPOINT, Checkpoint

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from comity.actors.projecting.build import Build
    from comity.actors.projecting.progress import OnProgress
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.lineage import Lineage
    from comity.engine.journal.record import Record
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.read_model import AnyReadModel

_AT_ONCE: Final = 4_096
"""Entries that are merged in one transaction."""
_PATIENCE: Final = 0.2
"""Seconds between two checks whether to stop."""
_MERGED: Final = "merged"


def build_in_parallel(
    build: Build, progress: OnProgress | None = None, stop: Flag | None = None
) -> bool:
    """Build most of a generation with `build.processes` processes; `build.go_on` does the rest.

    The result is the same as with one process, as long as `project` neither changes nor reads
    rows of other aggregates, nor reads figures. Two aggregates that have rows with the same key
    are noticed, but not if one of the rows was deleted before the end.

    The processes import the model's module and, because of `multiprocessing`, the main program,
    which therefore needs its `if __name__ == "__main__"`.

    Returns:
        False if `stop` was set before the end. What was built is kept.

    Raises:
        WiringError: the model is not declared `keyed_by_aggregate`, or two aggregates have rows
            with the same key; or the model cannot be imported by its name.
        ReadModelError: `project` failed on an event, or a process has died.

    Example:
        with Build.open("team.db", Cards, processes=4) as build:
            build_in_parallel(build)
            build.go_on()
            build.hand_over()
    """
    if not build.model.keyed_by_aggregate:
        msg = (
            f"{build.model.__name__} does not say keyed_by_aggregate = True: two aggregates may "
            "change one row, so it is built with one process"
        )
        raise WiringError(msg)
    for kind in (build.model, *build.model.events):
        if getattr(sys.modules[kind.__module__], kind.__qualname__, None) is not kind:
            msg = f"other processes import {kind.__qualname__} by its name: define it in a module"
            raise WiringError(msg)
    if build.beside.generations():  # merged already
        return True
    stop = stop or Flag()
    shards = shards_of(build)
    with closing(_Team(shards)) as team:
        team.work(build.teller(progress).tell, stop)
    return not stop.is_set() and merge(build.model, shards, build.beside, stop)


class Shard(NamedTuple):
    """One process's share of a build."""

    opener: JournalOpener
    """Opens the journal."""
    folder: Path
    model: type[AnyReadModel]
    types: tuple[TypeEvents, ...]
    number: int
    of: int
    end: int
    """The position at which all shards end."""

    def has(self, aggregate: AggregateId) -> bool:
        """Whether an aggregate belongs to this shard: always the same answer in all processes."""
        return zlib.crc32(f"{aggregate.type}/{aggregate.key}".encode()) % self.of == self.number


def shards_of(build: Build) -> list[Shard]:
    """The shards of a build, one for each process."""
    end = build.journal.position()
    return [
        Shard(
            opener=build.opener,
            folder=build.beside.path / f"shard-{number}",
            model=build.model,
            types=tuple(build.routes.types),
            number=number,
            of=build.processes,
            end=end,
        )
        for number in range(build.processes)
    ]


# --- in a child process ---------------------------------------------------------------------------


class Told(NamedTuple):
    """A message from a child process."""

    position: int
    ended: bool = False
    """Whether this is its last message."""
    error: str = ""


def build_shard(shard: Shard, journal: Journal, stop: Flag, told: Callable[[int], None]) -> None:
    """Build a shard, or continue it, up to its end or until `stop` is set."""
    folder = ModelFolder(shard.folder)
    folder.make()
    upto = cast("Journal", _Until(journal, shard.end))
    projection = begun_projection(shard.model, folder, upto)
    path = projection.environment.path
    teller = Teller(shard.model.stored_as, upto, SYSTEM_CLOCK, lambda at: told(at.position), path)
    try:
        go_through(ModelFollower(projection, upto, _Share(shard), SYSTEM_CLOCK), stop, teller.tell)
    finally:
        teller.pause()
        put_away_projection(projection)


def _run(shard: Shard, pipe: Connection) -> None:
    """Run a child process. It ends early if the parent says so or is gone."""
    stop, position = Flag(), 0
    logging.getLogger("comity").addHandler(logging.NullHandler())  # the parent reports errors

    def told(here: int) -> None:
        nonlocal position
        position = here
        pipe.send(Told(here))
        if pipe.poll():
            stop.set()

    error = ""
    try:
        with closing(shard.opener.open(read_only=True)) as journal:
            build_shard(shard, journal, stop, told)
    except (ComityError, OSError) as failure:
        error = describe_error(failure)
    with suppress(OSError):  # the parent is gone
        pipe.send(Told(position, ended=True, error=error))


class _Share(FoundRoutes):
    """Routes that select only the events of a shard's own aggregates."""

    def __init__(self, shard: Shard) -> None:
        super().__init__(shard.model, shard.types)
        self._has = shard.has

    def events(self, record: Record) -> Iterator[Recorded[Event]]:
        return super().events(record) if self._has(record.aggregate) else iter(())


class _Until:
    """A journal that ends at a position, with the methods that a follower calls."""

    def __init__(self, journal: Journal, end: int) -> None:
        self._journal = journal
        self._end = end

    def position(self) -> int:
        return self._end

    def lineage(self) -> Lineage:
        return self._journal.lineage()

    def follow(self, after: int) -> Iterator[Sequence[Record]]:
        for records in self._journal.follow(after):
            before = [record for record in records if record.position < self._end]
            yield before
            if len(before) < len(records):
                break
        while True:
            yield ()


# --- in the parent --------------------------------------------------------------------------------


class _Team:
    """The child processes of one build."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._began: dict[Connection, int] = {}
        self._at: dict[Connection, int] = {}
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        spawning = get_context("spawn")
        with _ignoring_interrupts():  # Ctrl-C reaches all processes; the parent stops the children
            for shard in shards:
                ours, theirs = spawning.Pipe()
                process = spawning.Process(target=_run, args=(shard, theirs), daemon=True)
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)

    def work(self, told: Callable[[int], None], stop: Flag) -> None:
        """Wait until all processes have ended; if `stop` is set or one fails, stop them early.

        It calls `told` with their average position.

        Raises:
            ReadModelError: a process has failed.
        """
        left, errors, stopped, begun = {*self._pipes}, list[str](), False, False
        while left:
            if (stop.is_set() or errors) and not stopped:
                stopped = True
                for pipe in left:
                    with suppress(OSError):
                        pipe.send(None)
            for pipe in cast("list[Connection]", connection.wait([*left], _PATIENCE)):
                said = self._hear(pipe)
                if said.ended:
                    left.discard(pipe)
                if said.error:
                    errors.append(said.error)
            if not begun and len(self._began) == len(self._pipes):
                begun = True
                told(sum(self._began.values()) // len(self._pipes))
            if begun:
                told(sum(self._at.values()) // len(self._pipes))
        if errors:
            raise ReadModelError(errors[0])

    def close(self) -> None:
        """End the processes, whether or not they are done."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(10.0)  # without its pipe, the process ends after its current batch
            if process.is_alive():
                process.kill()
                process.join()
            process.close()

    def _hear(self, pipe: Connection) -> Told:
        try:
            said = cast("Told", pipe.recv())
        except (EOFError, OSError):
            number = self._pipes.index(pipe)
            process = self._processes[number]
            process.join(10.0)
            msg = (
                f"process {number + 1} of {len(self._pipes)} has ended with code "
                f"{process.exitcode}; what was built stays, so build again to go on"
            )
            return Told(0, ended=True, error=msg)
        self._began.setdefault(pipe, said.position)
        self._at[pipe] = said.position
        return said


@contextmanager
def _ignoring_interrupts() -> Generator[None]:
    """Processes that are started in this block always ignore Ctrl-C."""
    if not is_main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- merging --------------------------------------------------------------------------------------


def merge(
    model: type[AnyReadModel],
    shards: Sequence[Shard],
    folder: ModelFolder,
    stop: Flag,
) -> bool:
    """Merge all shards into one generation in `folder`; False if `stop` was set before the end.

    Raises:
        WiringError: two shards have a row with one key, so the model is not keyed by aggregate.
        NotReady: a shard is not built to its end.
    """
    aside = folder.inside(_MERGED)
    folder.discard(aside.path)
    aside.make()
    target = new_projection(model, aside).environment
    try:
        with ExitStack() as stack:
            sources = [stack.enter_context(_whole(shard)) for shard in shards]
            done = _Merge(model, sources, target, stop).all()
        put_away(target)
        if done:
            folder.take(target.path)
            for shard in shards:
                folder.discard(shard.folder)
    finally:
        target.close()
        folder.discard(aside.path)
    return done


@contextmanager
def _whole(shard: Shard) -> Generator[Reading]:
    """A snapshot of a complete shard.

    Raises:
        NotReady: the shard is not built to its end.
    """
    paths = ModelFolder(shard.folder).generations()
    if not paths or not fits(shard.model, paths[-1]):
        msg = f"{shard.folder} is not built: build again to go on"
        raise NotReady(msg)
    tables = shard.model.schema.described.tables
    environment = open_generation(paths[-1], tables, map_size=shard.model.map_size)
    try:
        with environment.reading() as reading:
            if checkpoint_of(reading).position != shard.end:
                msg = f"{shard.folder} is not built up to {shard.end:,}: build again to go on"
                raise NotReady(msg)
            yield reading
    finally:
        environment.close()


class _Merge:
    """Fills a generation with the entries of several others."""

    def __init__(
        self,
        model: type[AnyReadModel],
        sources: Sequence[Reading],
        target: Environment,
        stop: Flag,
    ) -> None:
        self._model = model
        self._sources = sources
        self._target = target
        self._stop = stop

    def all(self) -> bool:
        """Merge all tables, then set the checkpoint; False if `stop` was set before the end."""
        figures = {figure.stored_as for figure in self._model.schema.figures}
        for name, several in self._model.schema.described.tables.items():
            if name in {META, CHANGES}:  # a new generation has its own; watches are reset
                continue
            entries = self._sorted(name)
            if name in figures:
                entries = _added(entries)
            elif not several:
                entries = self._once(entries, name)
            if not self._append(name, entries):
                return False
        self._finish()
        return True

    def _sorted(self, name: str) -> Iterator[Entry]:
        return heapq.merge(*(_entries(source, name) for source in self._sources))

    def _once(self, entries: Iterator[Entry], name: str) -> Iterator[Entry]:
        last = b""
        for entry in entries:
            if entry[0] == last:
                what = (
                    "parked event" if name == PARKED else f"row with the key {decode(last)!r:.200}"
                )
                msg = (
                    f"two aggregates have a {what} in {name}: {self._model.__name__} is not "
                    "keyed_by_aggregate; say so, or build it with one process"
                )
                raise WiringError(msg)
            last = entry[0]
            yield entry

    def _append(self, name: str, entries: Iterator[Entry]) -> bool:
        handle = self._target.handles[name]
        while batch := list(islice(entries, _AT_ONCE)):
            if self._stop.is_set():
                return False
            with self._target.writing() as writing:
                if not writing.add_last(handle, batch):
                    msg = f"{name} cannot be merged: its entries did not come in order"
                    raise ReadModelError(msg)
        return True

    def _finish(self) -> None:
        found = [checkpoint_of(source) for source in self._sources]
        reached = Checkpoint(
            position=found[0].position,
            microseconds=max(one.microseconds for one in found),
            complete=True,
            commits=1,
            branch=found[0].branch,
        )
        with self._target.writing() as writing:
            writing.put(writing.handles[META], CHECKPOINT, reached.pack())


def _entries(source: Reading, name: str) -> Iterator[Entry]:
    handle, last = source.handles[name], None
    while found := source.entries(handle, EVERYTHING, _AT_ONCE, after=last, backwards=False):
        yield from found
        last = found[-1]


def _added(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Add up the figures of each group."""
    for group, same in groupby(entries, itemgetter(0)):
        figure = NOTHING
        for _, data in same:
            figure = figure.plus(*Figure.unpack(data))
        if not figure.is_nothing:
            yield group, figure.pack()
