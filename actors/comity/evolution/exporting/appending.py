"""Adds commands from elsewhere to a journal, in batches. `import_events` uses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, cast

from comity.engine import AggregateId, Event, Invalid, Outcome
from comity.engine.aggregate_id import check_key, check_text, check_type_name
from comity.engine.history.note import fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Turn
from comity.engine.merging.at import At
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.messages.moment import microseconds_of
from comity.engine.runtime.system import now
from comity.evolution.exporting.imported_command import ImportedCommand
from comity.evolution.exporting.known_aggregates import KnownAggregate, KnownAggregates, checksum
from comity.evolution.exporting.transfer_errors import ImportFailed

LINE: Final = "comity.line"
"""The key of the metadata with the line that a command was read from."""
_BATCH: Final = 1_000
"""So many commands are stored with one flush."""
_TURN: Final = 16
_TRIES: Final = 10
"""So often other programs may add to an aggregate in between."""
_AHEAD: Final = 300 * 1_000_000
"""So many microseconds a time may be in the future: clocks differ."""


class _Waiting(NamedTuple):
    """A command that is not stored yet."""

    place: str
    line: int
    command: ImportedCommand


class _Added(NamedTuple):
    waiting: _Waiting
    version: int
    entry: Entry


class Appending:
    """A journal, while commands are added to it.

    Args:
        journal: the journal, open for writing.
        deciders: today's deciders, by name.
    """

    def __init__(self, journal: Journal, deciders: Mapping[str, AnyDecider]) -> None:
        self._journal = journal
        self._known = KnownAggregates(journal, deciders)
        self._added: list[_Added] = []
        self._ids: dict[str, AggregateId] = {}
        """The ids of what is not stored yet."""
        self.commands = self.events = self.repeated = 0

    def add(self, place: str, line: int, command: ImportedCommand) -> None:
        """Add a command, unless the journal has it.

        Args:
            place: where it comes from, for errors.
            line: its line, for its metadata.
            command: the command.

        Raises:
            ImportFailed: it cannot be added; the text names the line.
            StorageFailed, OutcomeUnknown: as `Journal.append`.
        """
        self._take(_Waiting(place, line, command))
        if len(self._added) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Store everything that was added; raises as `add`."""
        for _ in range(_TRIES):
            added, self._added = self._added, []
            self._ids = {}
            for waiting in self._store(added):
                self._take(waiting)
            if not self._added:
                self._known.tidy()
                return
        place, _, command = self._added[0].waiting
        raise ImportFailed(
            f"{place}: other programs add to {command.aggregate} all the time; import again later"
        )

    def _store(self, added: list[_Added]) -> Iterable[_Waiting]:
        """Store these; return those that others were before, after forgetting their aggregates."""
        runs = list(_runs(added))
        turns = [
            Turn.of(run[0].waiting.command.aggregate, run[0].version, [one.entry for one in run])
            for run in runs
        ]
        late: list[_Waiting] = []
        for run, result in zip(runs, self._journal.append(turns) if turns else (), strict=True):
            if isinstance(result, Stored):
                self.commands += len(run)
                self.events += sum(len(one.entry.events) for one in run)
            else:
                self._known.forget(run[0].waiting.command.aggregate)
                late += [one.waiting for one in run]
        return late

    def _take(self, waiting: _Waiting) -> None:
        place, line, command = waiting
        try:
            self._check(command)
            known = self._known.get(command.aggregate)
            if command.id not in known.ids and self._is_elsewhere(command):
                self._known.forget(command.aggregate)  # another program has just added it
                known = self._known.get(command.aggregate)
            if command.id in known.ids:
                self._check_same(command, known)
                self.repeated += 1
                return
            self._check_place(command, known)
            entry = _entry(line, command)
            version = known.version
            at = At(0, entry.time, command.who, command.session, command.aggregate)
            known.add(command.id, at, command.events)
        except (Invalid, ImportFailed) as error:
            raise ImportFailed(f"{place}: {error}") from error
        self._ids[command.id] = command.aggregate
        self._added.append(_Added(waiting, version, entry))

    def _check(self, command: ImportedCommand) -> None:
        aggregate = command.aggregate
        if not isinstance(cast("object", aggregate), AggregateId):
            raise Invalid(f"expected an AggregateId, got {aggregate!r:.100}")
        check_type_name(aggregate.type)
        check_key(aggregate.key)
        check_text(command.id, "a command id")
        if not command.events:
            raise Invalid(f"command {command.id!r} has no events: leave it out")
        for text in (command.who, command.session, command.command):
            if not isinstance(cast("object", text), str):
                raise Invalid(f"expected a text, got {text!r:.100}")
        for pair in command.metadata.items():
            if not all(isinstance(cast("object", text), str) for text in pair):
                raise Invalid(f"metadata: expected texts, got {pair!r:.100}")
        time = command.time
        if not isinstance(cast("object", time), datetime) or time.tzinfo is None:
            raise Invalid(f"time: expected a datetime with a zone, got {time!r:.100}")
        if microseconds_of(time) > now() + _AHEAD:
            raise Invalid(f"{time} is in the future")

    @staticmethod
    def _check_same(command: ImportedCommand, known: KnownAggregate) -> None:
        if known.ids[command.id] != checksum(_checked(command, known)):
            raise ImportFailed(
                f"{command.aggregate} has command {command.id!r} already, with other events: give "
                "what happened another id, or correct it by a command"
            )

    def _is_elsewhere(self, command: ImportedCommand) -> bool:
        """Return whether the journal has the command, although the aggregate does not know it.

        Raises:
            ImportFailed: it has its id for another aggregate.
        """
        other = self._ids.get(command.id)
        if other is None:
            found = self._journal.find(command.id)
            other = found and found.aggregate
        if other is not None and other != command.aggregate:
            raise ImportFailed(
                f"the id {command.id!r} is used already, for {other}: give each command an id of "
                "its own"
            )
        return other is not None

    @staticmethod
    def _check_place(command: ImportedCommand, known: KnownAggregate) -> None:
        aggregate = command.aggregate
        _checked(command, known)
        if command.version is not None and command.version != known.version:
            raise ImportFailed(
                f"command {command.id!r} is for version {command.version} of {aggregate}, which is "
                f"at version {known.version}: rows are missing, or not in order"
            )
        if known.version and microseconds_of(command.time) < known.time:
            raise ImportFailed(
                f"command {command.id!r} of {aggregate} is from {command.time}, and an event "
                "before it is later: sort the rows by time"
            )


def _checked(command: ImportedCommand, known: KnownAggregate) -> list[Event]:
    """The command's events, which are all of the decider's classes."""
    decider = known.decider
    for event in command.events:
        if type(event) not in decider.event_set:
            names = ", ".join(kind.__name__ for kind in decider.events)
            raise Invalid(
                f"expected an event of {decider.name}, got {event!r:.100}; it has {names}"
            )
    return list(command.events)


def _entry(line: int, command: ImportedCommand) -> Entry:
    metadata = {**command.metadata, LINE: str(line)}
    note = fold(
        command.who, command.session, None, command.command, None, Outcome.APPLIED, metadata
    )
    events = tuple([store(event) for event in command.events])
    return Entry(command.id, events, microseconds_of(command.time), note)


def _runs(added: Iterable[_Added]) -> Iterable[list[_Added]]:
    """Give neighbours of one aggregate together."""
    run: list[_Added] = []
    for one in added:
        if run and (
            run[0].waiting.command.aggregate != one.waiting.command.aggregate or len(run) >= _TURN
        ):
            yield run
            run = []
        run.append(one)
    if run:
        yield run
