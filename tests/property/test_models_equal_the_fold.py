"""A model equals the fold of the journal at its checkpoint, whatever has happened to it.

Random stories of hypothesis, and the three recorded histories, each with a small model of its own:
projected live, built anew, swapped, closed and opened again, killed, parked and replayed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

import pytest
from examples.git_merges.domain import (
    CopiedIn,
    FieldSet,
    FieldUnset,
    IdReleased,
    IdTaken,
    ItemAdded,
    ItemRemoved,
    LanguageAdded,
    LanguageRemoved,
    RegistryEvent,
    registry,
)
from examples.git_merges.merges import recorded as merges_of
from examples.git_merges.play import play as play_merge
from examples.incident_desk.domain import IncidentEvent, Noted, Opened, Updated, incident
from examples.incident_desk.play import play as play_incidents
from examples.incident_desk.play import read as read_incidents
from examples.recordings import recording
from examples.shared_typing.domain import Edited, document
from examples.shared_typing.play import Typing
from examples.shared_typing.play import play as play_typing
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.actors.notebook import Stamp, Write, notebook
from tests.actors.shelf import (
    MENDED,
    TORN,
    ParkedPages,
    events_of,
    fold,
    seen,
    until,
)

from comity.actors import Domain, Policy
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import Command, Event, Recorded
from comity.engine.history.history import recorded
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.merging.decider import AggregateType, Decider
from comity.readmodels import ReadModel, Row, Table, Totals
from comity.readmodels.tables.read_model import AnyReadModel

ROOT = Path(__file__).parents[2]
STEPS = 40
MOST_BROKEN = 40
"""Aggregates that are parked at once: each of them holds the model up for some attempts."""


@pytest.fixture(autouse=True)
def _fast_quiet_and_clean(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    monkeypatch.setattr(ModelFollower, "REST", (0.0005, 0.001))
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MENDED.clear()


# --- random stories -------------------------------------------------------------------------------


BOOK = st.sampled_from(["a", "b", "c"])
PAGE = st.sampled_from(["p", "q", "r", "s"])
TEXT = st.sampled_from(["", "x", "x y", "y z x", "z", TORN, "ä\0"])
STEP = st.one_of(
    st.tuples(st.just("write"), BOOK, PAGE, TEXT),
    st.tuples(st.just("write"), BOOK, PAGE, TEXT),
    st.tuples(st.just("stamp"), BOOK, PAGE, st.sampled_from(["1", "0", "7"])),
    st.tuples(st.just("rebuild"), BOOK, PAGE, TEXT),
    st.tuples(st.just("replay"), BOOK, PAGE, TEXT),
    st.tuples(st.just("pause"), BOOK, PAGE, TEXT),
    st.tuples(st.just("reopen"), BOOK, PAGE, TEXT),
    st.tuples(st.just("check"), BOOK, PAGE, TEXT),
)


class Story:
    """Plays steps on a journal that outlives its domains, and compares whenever it is told to."""

    def __init__(
        self,
        folder: Path,
        runtime: Runtime = THREADS,
        comes: Callable[[Callable[[], bool]], bool] = until,
    ) -> None:
        self.journal = KeptJournal()
        self._folder, self._runtime, self._comes = folder, runtime, comes
        self.domain = self._open()

    def _open(self) -> Domain:
        return Domain(
            self.journal, deciders=[notebook], read_models=[ParkedPages], models=self._folder,
            runtime=self._runtime,
        )  # fmt: skip

    def play(self, steps: Iterable[tuple[str, str, str, str]]) -> None:
        """Everything, and a comparison in the end."""
        try:
            for what, book, page, text in steps:
                self._step(what, book, page, text)
            self._check()
            self._replay_all()
        finally:
            self.domain.close()

    def _step(self, what: str, book: str, page: str, text: str) -> None:
        model = self.domain.model(ParkedPages)
        aggregate = self.domain.session(f"w{page}").aggregate(notebook, book)
        match what:
            case "write":
                aggregate.send(Write(page=page, text=text)).result(60)
            case "stamp":
                aggregate.send(Stamp(page=page, stamps=int(text))).result(60)
            case "rebuild":
                if model.status().rebuilt is None:
                    model.rebuild()
            case "replay":
                MENDED.add(book)
                model.replay(aggregate.id)
                MENDED.discard(book)
            case "pause":
                (model.resume if model.status().state == "paused" else model.pause)()
            case "reopen":
                self.domain.close()
                self.domain = self._open()
            case _:
                self._check()

    def _check(self) -> None:
        model = self.domain.model(ParkedPages)
        model.resume()
        self.domain.reached(ParkedPages, self.journal.position(), timeout=20).result(20)
        assert self._comes(lambda: model.status().rebuilt is None)
        self.domain.reached(ParkedPages, self.journal.position(), timeout=20).result(20)
        parked = {one.position for one in model.parked()}
        with self.domain.read(ParkedPages) as pages:
            events = events_of(self.journal, pages.position)
            assert pages.position == self.journal.position()
            assert seen(pages) == fold(at for at in events if at.position not in parked)

    def _replay_all(self) -> None:
        MENDED.update("abc")
        try:
            self.domain.model(ParkedPages).replay()
            with self.domain.read(ParkedPages) as pages:
                assert seen(pages) == fold(events_of(self.journal))
        finally:
            MENDED.clear()


class KeptJournal(MemoryJournal):
    """Outlives its domains."""

    def close(self) -> None:
        """Stay open."""


def _tell(steps: Sequence[tuple[str, str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Story(Path(folder)).play(steps)


@settings(
    max_examples=60, deadline=None, phases=[Phase.generate, Phase.explicit],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(steps=st.lists(STEP, max_size=STEPS))
def test_a_model_is_the_fold_of_whatever_story(steps: list[tuple[str, str, str, str]]) -> None:
    _tell(steps)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, max_size=4 * STEPS))
def test_a_model_is_the_fold_of_whatever_long_story(
    steps: list[tuple[str, str, str, str]],
) -> None:
    _tell(steps)


def test_a_fold_without_its_last_event_would_be_noticed(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.play([("write", "a", "p", "x"), ("stamp", "a", "p", "7")])
    events = events_of(story.journal)
    assert fold(events) != fold(events[:-1])


# --- recorded histories ---------------------------------------------------------------------------


BROKEN: set[str] = set()
"""Aggregates of which some events cannot be taken."""


def _trip(at: Recorded[Event]) -> None:
    if at.aggregate.key in BROKEN and at.version % 3 == 2:
        msg = "this one cannot be taken"
        raise ValueError(msg)


class EditRow(Row):
    """What became of the text, by its parts."""

    key: str
    author: str
    edits: int
    typed: int
    deleted: int


class Authors(ReadModel[Edited]):
    """Who typed how much."""

    on_error = "park"
    rows = Table(EditRow, key=lambda row: (row.key, row.author))
    by_edits = rows.index(lambda row: row.edits)
    typed = rows.sum(lambda row: row.typed, by=lambda row: row.key)
    places = Totals(int, int)

    def project(self, event: Edited, at: Recorded[Edited]) -> None:
        """One edit."""
        _trip(at)
        key = (at.aggregate.key, at.who)
        old = self.rows.get(key)
        if old is None:
            old = EditRow(key=key[0], author=key[1], edits=0, typed=0, deleted=0)
            self.rows.put(old)
        self.rows.update(
            key,
            edits=old.edits + 1,
            typed=old.typed + sum(len(text) for _, _, text in event.patches),
            deleted=old.deleted + sum(deleted for _, deleted, _ in event.patches),
        )
        for place, _, _ in event.patches:
            self.places.add(place // 1000, 1)


class IncidentRow(Row):
    """An incident at the desk."""

    key: str
    group: str
    state: str
    updates: int
    notes: int


class Desk(ReadModel[IncidentEvent]):
    """Incidents by group and state."""

    keyed_by_aggregate = True
    on_error = "park"
    rows = Table(IncidentRow, key=lambda row: row.key)
    by_state = rows.index(lambda row: (row.state, row.group))
    per_group = rows.count(lambda row: row.group)
    notes = rows.sum(lambda row: row.notes, by=lambda row: row.group)

    def project(self, event: IncidentEvent, at: Recorded[IncidentEvent]) -> None:
        """One event of an incident."""
        _trip(at)
        key = at.aggregate.key
        row = self.rows.get(key) or IncidentRow(key=key, group="?", state="?", updates=0, notes=0)
        if isinstance(event, Noted):
            row = row.model_copy(update={"notes": row.notes + 1})
        else:
            new = dict(event.values)
            row = row.model_copy(
                update={
                    "group": new.get("assignment_group", row.group),
                    "state": new.get("incident_state", row.state),
                    "updates": row.updates + (not isinstance(event, Opened)),
                }
            )
        self.rows.put(row)


class LanguageRow(Row):
    """A language of a registry."""

    registry: str
    language: str
    number: int | None = None
    items: tuple[str, ...] = ()
    fields: int = 0


class Languages(ReadModel[RegistryEvent]):
    """Languages by id and by what is listed for them."""

    on_error = "park"
    rows = Table(LanguageRow, key=lambda row: (row.registry, row.language))
    by_number = rows.index(lambda row: row.number)
    by_item = rows.index_each(lambda row: set(row.items))
    per_registry = rows.count(lambda row: row.registry)

    def project(self, event: RegistryEvent, at: Recorded[RegistryEvent]) -> None:
        """One event of a registry."""
        _trip(at)
        of = at.aggregate.key
        match event:
            case CopiedIn(entries=entries):
                for entry in entries:
                    items = tuple(sorted(f"{name} {item}" for name, item in entry.items))
                    self.rows.put(
                        LanguageRow(
                            registry=of, language=entry.name, number=entry.id, items=items,
                            fields=len(dict(entry.fields)),
                        )
                    )  # fmt: skip
            case LanguageAdded(language=name):
                self.rows.put(LanguageRow(registry=of, language=name))
            case LanguageRemoved(language=name):
                self.rows.delete((of, name))
            case FieldSet(language=name):
                self.rows.update((of, name), fields=self.rows[of, name].fields + 1)
            case FieldUnset(language=name):
                self.rows.update((of, name), fields=self.rows[of, name].fields - 1)
            case ItemAdded(language=name, field=of_it, item=item):
                old = self.rows[of, name].items
                self.rows.update((of, name), items=(*old, f"{of_it} {item}"))
            case ItemRemoved(language=name, field=of_it, item=item):
                kept = tuple(one for one in self.rows[of, name].items if one != f"{of_it} {item}")
                self.rows.update((of, name), items=kept)
            case IdTaken(language=name, number=number):
                self.rows.update((of, name), number=number)
            case IdReleased(language=name):
                self.rows.update((of, name), number=None)


def _authors(events: Sequence[Recorded[Event]]) -> object:
    edits, typed, deleted = Counter[str](), Counter[str](), Counter[str]()
    places = Counter[int]()
    for at in events:
        assert isinstance(at.event, Edited)
        edits[at.who] += 1
        for place, gone, text in at.event.patches:
            typed[at.who] += len(text)
            deleted[at.who] += gone
            places[place // 1000] += 1
    rows = [("friends", who, edits[who], typed[who], deleted[who]) for who in sorted(edits)]
    return rows, sorted(rows, key=lambda row: row[2]), {"friends": typed.total()}, dict(places)


def _authors_seen(model: Authors) -> object:
    def plain(rows: Iterable[EditRow]) -> list[tuple[str, str, int, int, int]]:
        return [(row.key, row.author, row.edits, row.typed, row.deleted) for row in rows]

    edits, index = plain(model.rows.all()), plain(model.by_edits.all())
    return edits, index, dict(model.typed.items()), dict(model.places.items())


def _desk(events: Sequence[Recorded[Event]]) -> object:
    values: dict[str, dict[str, str]] = {}
    notes, updates = Counter[str](), Counter[str]()
    for at in events:
        key, event = at.aggregate.key, at.event
        mine = values.setdefault(key, {"assignment_group": "?", "incident_state": "?"})
        if isinstance(event, Noted):
            notes[key] += 1
        elif isinstance(event, Opened | Updated):
            mine.update(event.values)
            updates[key] += isinstance(event, Updated)
    rows = [
        (key, mine["assignment_group"], mine["incident_state"], updates[key], notes[key])
        for key, mine in sorted(values.items())
    ]
    per_group = Counter(row[1] for row in rows)
    noted = {group: sum(row[4] for row in rows if row[1] == group) for group in per_group}
    return rows, sorted(rows, key=lambda row: (row[2], row[1], row[0])), dict(per_group), noted


def _desk_seen(model: Desk) -> object:
    def plain(rows: Iterable[IncidentRow]) -> list[tuple[str, str, str, int, int]]:
        return [(row.key, row.group, row.state, row.updates, row.notes) for row in rows]

    rows, index = plain(model.rows.all()), plain(model.by_state.all())
    return rows, index, dict(model.per_group.items()), dict(model.notes.items())


@dataclass
class Language:
    """A language, in plain Python."""

    number: int | None = None
    items: list[str] = field(default_factory=list[str])
    fields: int = 0


def _languages(events: Sequence[Recorded[Event]]) -> object:
    known: dict[tuple[str, str], Language] = {}
    for at in events:
        of, event = at.aggregate.key, at.event
        match event:
            case CopiedIn():
                for entry in event.entries:
                    items = sorted(f"{name} {item}" for name, item in entry.items)
                    known[of, entry.name] = Language(entry.id, items, len(dict(entry.fields)))
            case LanguageAdded():
                known[of, event.language] = Language(None, [], 0)
            case LanguageRemoved():
                del known[of, event.language]
            case FieldSet():
                known[of, event.language].fields += 1
            case FieldUnset():
                known[of, event.language].fields -= 1
            case ItemAdded():
                known[of, event.language].items.append(f"{event.field} {event.item}")
            case ItemRemoved():
                items = known[of, event.language].items
                items[:] = [one for one in items if one != f"{event.field} {event.item}"]
            case IdTaken():
                known[of, event.language].number = event.number
            case IdReleased():
                known[of, event.language].number = None
            case _:
                raise AssertionError(event)
    rows = [(*key, one.number, tuple(one.items), one.fields) for key, one in known.items()]
    rows.sort(key=lambda row: row[:2])
    numbered = [row[:2] for row in rows if row[2] is not None]
    numbered.sort(key=lambda key: (known[key].number, key))
    listed = sorted((item, row[0], row[1]) for row in rows for item in set(row[3]))
    per_registry = Counter(row[0] for row in rows)
    return rows, numbered, [one[1:] for one in listed], dict(per_registry)


def _languages_seen(model: Languages) -> object:
    return (
        [(row.registry, row.language, row.number, row.items, row.fields)
         for row in model.rows.all()],
        [(row.registry, row.language) for row in model.by_number.all()],
        [(row.registry, row.language) for row in model.by_item.all()],
        dict(model.per_registry.items()),
    )  # fmt: skip


# --- playing them ---------------------------------------------------------------------------------

M = TypeVar("M", bound=AnyReadModel)


@dataclass(frozen=True)
class History(Generic[M]):
    """A recorded history, its model, and the same fold in plain Python."""

    recording: str
    decider: AggregateType
    model: type[M]
    play: Callable[[Domain, Path, int], object]
    """Plays a part of the recording, which grows with the number, or, for 0, all of it."""
    seen: Callable[[M], object]
    fold: Callable[[Sequence[Recorded[Event]]], object]
    part: int
    """So much of it takes a second or two."""

    def open(self, path: Path) -> Domain:
        """The domain with the model."""
        policy = Policy(tail=5000)
        return Domain.open(path, deciders=[self.decider], read_models=[self.model], policy=policy)

    def events(self, domain: Domain) -> list[Recorded[Event]]:
        """Everything that the journal holds."""
        loader = cast("Decider[object, Command, Event]", self.decider)
        journal = domain._assembly.journal  # pyright: ignore[reportPrivateUsage] - to read it beside
        return [at for record in journal.read_all() for at in recorded(loader, record)]

    def check(self, domain: Domain, events: Sequence[Recorded[Event]]) -> int:
        """The newest snapshot is the fold at its checkpoint of all that is not parked."""
        domain.reached(self.model, len(events), timeout=60).result(60)
        parked = {one.position for one in domain.model(self.model).parked()}
        with domain.read(self.model) as model:
            assert model.position == len(events)
            assert self.seen(model) == self.fold([at for at in events if at.position not in parked])
        return len(parked)

    def begin(self, path: Path, part: int) -> list[Recorded[Event]]:
        """Play the recording, and check what was projected meanwhile."""
        try:
            file = recording(self.recording)
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        with self.open(path) as domain:
            self.play(domain, file, part)
            events = self.events(domain)
            assert events
            self.check(domain, events)
        return events

    def rebuild(self, domain: Domain, events: Sequence[Recorded[Event]], broken: set[str]) -> int:
        """Build the model anew, with events of these aggregates that it cannot take."""
        BROKEN.update(broken)
        domain.model(self.model).rebuild()
        assert until(lambda: domain.model(self.model).status().rebuilt is None, 120)
        parked = self.check(domain, events)
        BROKEN.clear()
        return parked

    def go_through(self, path: Path, name: str, part: int) -> str:
        """Everything that can happen to a model."""
        events = self.begin(path, part)
        with self.open(path) as domain:
            assert self.check(domain, events) == 0  # opened again
            assert self.rebuild(domain, events, set()) == 0
            assert self.rebuild(domain, events, {events[0].aggregate.key}) > 0
            some = list(dict.fromkeys(at.aggregate.key for at in events))[:MOST_BROKEN]
            parked = self.rebuild(domain, events, set(some))
            assert domain.model(self.model).replay() == parked > 0
            assert self.check(domain, events) == 0
        _build_and_kill(path, name)
        with self.open(path) as domain:
            self.check(domain, events)  # as the killed program left it, and caught up
            assert until(lambda: domain.model(self.model).status().rebuilt is None, 120)
            assert self.check(domain, events) == 0  # and with its rebuild gone on with
        return f"{name}: {len(events)} events, {parked} of them parked and replayed"


def _typing(domain: Domain, path: Path, part: int) -> object:
    typing = Typing.read(path)
    return play_typing(Typing(typing.edits[: part or None], typing.text), domain, "friends")


def _incidents(domain: Domain, path: Path, part: int) -> object:
    steps = read_incidents(path)
    some = set(list(dict.fromkeys(step.incident for step in steps))[: part or None])
    return asyncio.run(play_incidents(domain, [one for one in steps if one.incident in some], 10))


def _merges(domain: Domain, path: Path, part: int) -> object:
    return [play_merge(domain, merge) for merge in list(merges_of(path))[: part or None]]


HISTORIES: dict[str, History[Authors] | History[Desk] | History[Languages]] = {
    "typing": History(
        "shared-typing/friendsforever.json.gz",
        document, Authors, _typing, _authors_seen, _authors, 1_000,
    ),
    "incidents": History(
        "incident-desk/demo_2000.jsonl.gz", incident, Desk, _incidents, _desk_seen, _desk, 60
    ),
    "merges": History(
        "git-merges/merges.jsonl.gz", registry, Languages, _merges, _languages_seen, _languages, 30
    ),
}  # fmt: skip


def _build_and_kill(path: Path, name: str) -> None:
    """Kill a program that opens the domain and rebuilds its model."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.property.test_models_equal_the_fold", str(path), name],
        cwd=ROOT, stdout=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        assert program.stdout.readline() == b"rebuilding\n"
        time.sleep(0.05)
        os.kill(program.pid, signal.SIGKILL)


def main() -> None:
    """Open the domain and rebuild until killed."""
    path, name = Path(sys.argv[1]), sys.argv[2]
    history = HISTORIES[name]
    with history.open(path) as domain:
        while True:
            domain.model(history.model).rebuild()
            os.write(1, b"rebuilding\n")
            assert until(lambda: domain.model(history.model).status().rebuilt is None)


@pytest.mark.parametrize("name", HISTORIES)
def test_a_model_is_the_fold_of_a_part_of_a_recorded_history(name: str, tmp_path: Path) -> None:
    history = HISTORIES[name]
    history.go_through(tmp_path / "d", name, history.part)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", HISTORIES)
def test_a_model_is_the_fold_of_a_whole_recorded_history(name: str, tmp_path: Path) -> None:
    print("\n" + HISTORIES[name].go_through(tmp_path / "d", name, part=0))


if __name__ == "__main__":
    main()
