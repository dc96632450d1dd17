"""Building with several processes comes to the same as with one, or does not come about."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import pytest
from examples.board.domain import (
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actors.shelf import until
from tests.cli.boards import POISON, BoardCards, Fussy, Held, NotKeyed, OneBoard, Strict

from comity.actors import Progress
from comity.actors.projecting.build import Build, begun_beside
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.parallel_build import build_in_parallel, build_shard, merge, shards_of
from comity.engine import AggregateId, NotReady, ReadModelError, WiringError
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal, UnsafeWarning
from comity.engine.journal.turn import Turn
from comity.engine.lmdb.span import EVERYTHING
from comity.engine.merging.decider import store
from comity.engine.merging.report import Outcome
from comity.readmodels.generations.generations import open_projection
from comity.readmodels.generations.model_folder import MODELS, ModelFolder
from comity.readmodels.projecting.parking import parked_events
from comity.readmodels.tables.figure import Figure
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.schema import CHANGES, META

NOTE = Note("ann", "s", None, "Any", None, Outcome.APPLIED, {}, None, None, None).pack()

Happening: TypeAlias = tuple[str, BoardEvent]
"""On which board, and what."""


@pytest.fixture(scope="module", autouse=True)
def no_rests() -> Iterator[None]:
    """What fails is tried again at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelFollower, "REST", (0.0, 0.0))
        yield


# Journals that are made of events, without commands.


def write(
    path: Path, happenings: Iterable[Happening], at_once: int = 5, kind: str = "board"
) -> None:
    """Append to the journal at this path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafeWarning)
        opened = LmdbJournal.open(path, unsafe_no_fsync=True)
    with closing(opened) as journal:
        turns: list[Turn] = []
        versions: dict[AggregateId, int] = {}
        first = journal.position()
        for number, (key, event) in enumerate(happenings, first + 1):
            one = AggregateId(kind, key)
            version = versions.setdefault(one, journal.version(one))
            entry = Entry(f"id {number}", (store(event),), number, NOTE)
            turns.append(Turn.of(one, version, (entry,)))
            versions[one] = version + 1
            if len(turns) == at_once:
                journal.append(turns)
                turns.clear()
        journal.append(turns)


def story(boards: int, cards: int, title: str = "Pay") -> Iterator[Happening]:
    """Cards that are added, renamed, moved, taken and voted for; every third is removed."""
    for number in range(cards):
        for place in range(boards):
            key, card = f"b{place}", f"c{number}"
            yield key, CardAdded(card=card, number=number, title=title, column="todo")
            yield key, CardRenamed(card=card, title=f"{title} {number}")
            yield key, CardMoved(card=card, column=("doing", "done")[number % 2])
            yield key, CardAssigned(card=card, assignee=("", "ann", "bob")[number % 3])
            yield key, CardUpvoted(card=card, voter=f"v{place}")
            if number % 3 == 0:
                yield key, CardRemoved(card=card)


Dump: TypeAlias = Mapping[str, object]


def dump(model: type[AnyReadModel], path: Path) -> Dump:
    """Everything that a generation says, so that it can be compared."""
    projection = open_projection(model, path)
    found: dict[str, object] = {}
    try:
        with projection.environment.reading() as reading:
            figures = {figure.stored_as for figure in model.schema.figures}
            for name, handle in reading.handles.items():
                entries = reading.entries(handle, EVERYTHING, 1 << 30, after=None, backwards=False)
                if name in figures:
                    found[name] = {key: Figure.unpack(data) for key, data in entries}
                elif name not in {META, CHANGES}:
                    found[name] = entries
            found["parked"] = list(parked_events(reading))
            found["checkpoint"] = projection.checkpoint._replace(commits=0)
    finally:
        projection.environment.close()
    return found


def built(path: Path, model: type[AnyReadModel], processes: int) -> Dump:
    """What a build comes to that is handed over."""
    with Build.open(path, model, processes=processes) as build:
        if processes > 1:
            assert build_in_parallel(build)
        assert build.go_on()
        assert build.hand_over() == "swapped"
    folder = ModelFolder(path / MODELS / model.stored_as)
    current = folder.current()
    assert current is not None
    return dump(model, current)


# In processes, which take long to start.


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("busy") / "team.db"
    write(path, story(boards=7, cards=30), at_once=50)
    return path


@pytest.fixture
def busy(journal: Path, tmp_path: Path) -> Path:
    """A journal with a lot in it, and without models."""
    return Path(shutil.copytree(journal, tmp_path / "busy.db"))


def test_it_comes_to_the_same_and_says_how_far_it_is(busy: Path) -> None:
    alone = built(busy, BoardCards, 1)
    said: list[Progress] = []
    with Build.open(busy, BoardCards, processes=2) as build:
        assert build_in_parallel(build, said.append)
        assert build.go_on()
        assert build.hand_over() == "swapped"
        end = build.journal.position()
    here = busy / MODELS / "BoardCards"
    assert dump(BoardCards, here / "g000002") == alone
    assert len(str(alone["cards"])) > 5_000
    assert (said[0].model, said[0].end, said[-1].position) == ("BoardCards", end, end)
    names = ["beside", "current", "g000002", "writer.lock"]
    assert sorted(one.name for one in here.iterdir()) == names
    assert [one.name for one in (here / "beside").iterdir()] == ["writer.lock"]


def test_events_that_come_meanwhile_are_taken_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=3, cards=5))
    with Build.open(path, BoardCards, processes=2) as build:
        assert build_in_parallel(build)
    write(path, story(boards=4, cards=9))
    with Build.open(path, BoardCards) as build:
        assert build.processes == 2
        assert build_in_parallel(build)  # it is, already
        assert build.go_on()
        assert build.hand_over() == "swapped"
    assert dump(BoardCards, path / MODELS / "BoardCards" / "g000001") == built(path, BoardCards, 1)


def test_what_one_process_cannot_take_is_told_and_nothing_is_swapped(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, [*story(boards=3, cards=3), ("b1", CardRenamed(card="c1", title=POISON))])
    with (
        Build.open(path, Strict, processes=2) as build,
        pytest.raises(
            ReadModelError, match=r"stopped at position 49, CardRenamed of board/b1 .*Va"
        ),
    ):
        build_in_parallel(build)
    assert ModelFolder(path / MODELS / "Strict").current() is None


def test_a_process_that_dies_is_noticed_and_the_rest_goes_on(
    busy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = busy.parent / "hold"
    hold.touch()
    monkeypatch.chdir(hold.parent)

    def kill() -> None:
        assert until(lambda: bool(multiprocessing.active_children()))
        multiprocessing.active_children()[0].kill()
        hold.unlink()

    with Build.open(busy, Held, processes=2) as build, ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        with pytest.raises(ReadModelError, match=r"process \d of 2 has ended with code -9"):
            build_in_parallel(build)
        killing.result()
        assert build_in_parallel(build)


def test_a_stop_pauses_it(busy: Path) -> None:
    stop = threading.Event()
    stop.set()
    with Build.open(busy, BoardCards, processes=2) as build:
        assert not build_in_parallel(build, stop=stop)
    assert ModelFolder(busy / MODELS / "BoardCards").current() is None


def test_a_model_that_is_not_keyed_by_aggregate_is_refused(busy: Path) -> None:
    with (
        Build.open(busy, NotKeyed, processes=2) as build,
        pytest.raises(WiringError, match="does not say keyed_by_aggregate"),
    ):
        build_in_parallel(build)


def test_a_model_that_cannot_be_imported_is_refused(busy: Path) -> None:
    class Hidden(BoardCards):
        pass

    with (
        Build.open(busy, Hidden, processes=2) as build,
        pytest.raises(WiringError, match="Hidden by its name: define it in a module"),
    ):
        build_in_parallel(build)


def test_what_a_stranger_has_put_beside_is_no_build_and_stays(busy: Path) -> None:
    beside = busy / MODELS / "BoardCards" / "beside"
    beside.mkdir(parents=True)
    kept = busy.with_name("kept")
    (kept / "g000001").mkdir(parents=True)
    for name in ("1abc", "2²", "007"):
        (beside / name).mkdir()
    (beside / "3").symlink_to(kept)
    (beside / "4").write_text("mine")
    assert begun_beside(ModelFolder(beside.parent)) == []
    with Build.open(busy, BoardCards) as build:
        assert (build.processes, build.given_up) == (1, [])
        assert build.go_on()
        assert build.hand_over() == "swapped"
    assert (kept / "g000001").is_dir()
    assert {"1abc", "2²", "007", "3", "4"} <= {each.name for each in beside.iterdir()}


# In this process, where streams made by chance are quick.

BOARDS = st.sampled_from(["a", "b", "c", "d", "e"])
CARDS = st.sampled_from(["c1", "c2", "c3"])
EVENTS: st.SearchStrategy[BoardEvent] = st.one_of(
    st.builds(
        CardAdded,
        card=CARDS,
        number=st.just(0),
        title=st.just("Pay"),
        column=st.sampled_from(["todo", "doing"]),
    ),
    st.builds(CardRenamed, card=CARDS, title=st.sampled_from(["Pay", "Ship", POISON])),
    st.builds(CardMoved, card=CARDS, column=st.sampled_from(["todo", "doing"])),
    st.builds(CardAssigned, card=CARDS, assignee=st.sampled_from(["", "ann", "bob"])),
    st.builds(CardUpvoted, card=CARDS, voter=st.sampled_from(["ann", "bob"])),
    st.builds(CardRemoved, card=CARDS),
)


def numbered(happenings: Iterable[Happening]) -> Iterator[Happening]:
    """No two cards of a board have the same number."""
    for number, (key, event) in enumerate(happenings):
        if isinstance(event, CardAdded):
            yield key, event.model_copy(update={"number": number})
        else:
            yield key, event


def built_here(path: Path, model: type[AnyReadModel], of: int) -> Path:
    """The same as `built`, without processes: the generation that the shards are merged into."""
    with Build.open(path, model, processes=of) as build:
        shards = shards_of(build)
        for shard in shards:
            build_shard(shard, build.journal, threading.Event(), lambda _: None)
        assert merge(model, shards, build.beside, threading.Event())
        return build.beside.generations()[-1]


def begin_here(path: Path, model: type[AnyReadModel], of: int) -> None:
    """Build shards, and do not merge them."""
    with Build.open(path, model, processes=of) as build:
        for shard in shards_of(build):
            build_shard(shard, build.journal, threading.Event(), lambda _: None)


@settings(max_examples=20, deadline=None)
@given(
    happenings=st.lists(st.tuples(BOARDS, EVENTS), max_size=60).map(numbered).map(list),
    begun=st.integers(0, 60),
    of=st.integers(2, 4),
)
def test_any_stream_comes_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[Happening], begun: int, of: int
) -> None:
    path = tmp_path_factory.mktemp("stream") / "team.db"
    write(path, happenings[:begun])
    begin_here(path, Fussy, of)
    write(path, happenings[begun:])
    together = dump(Fussy, built_here(path, Fussy, of))
    assert together == built(path, Fussy, 1)


def test_an_aggregate_is_always_of_the_same_shard(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=1, cards=1))
    with Build.open(path, BoardCards, processes=3) as build:
        shards = shards_of(build)
    keys = ["sprint-42", "b1", "b2", "b4", "\u00fc"]
    ids = [AggregateId("board", key) for key in keys]
    assert [[shard.has(one) for shard in shards].index(True) for one in ids] == [2, 1, 1, 0, 1]


def test_two_aggregates_with_one_row_are_noticed_and_nothing_is_swapped(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=7, cards=2))
    with pytest.raises(WiringError, match=r"two aggregates have a row with the key 'c0' in names"):
        built_here(path, OneBoard, 2)
    folder = path / MODELS / "OneBoard"
    assert ModelFolder(folder).current() is None
    assert sorted(one.name for one in (folder / "beside" / "2").iterdir()) == ["shard-0", "shard-1"]


def test_a_shard_that_is_not_whole_is_not_merged(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=3, cards=2))
    with Build.open(path, BoardCards, processes=2) as build:
        first, second = shards_of(build)
        for shard in (first, second._replace(end=5)):
            build_shard(shard, build.journal, threading.Event(), lambda _: None)
        with pytest.raises(NotReady, match="is not built up to 33"):
            merge(BoardCards, [first, second], build.beside, threading.Event())
        with pytest.raises(NotReady, match="shard-9 is not built"):
            nowhere = second._replace(folder=build.beside.path / "shard-9")
            merge(BoardCards, [first, nowhere], build.beside, threading.Event())


def test_merging_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=3, cards=2))
    stop = threading.Event()
    stop.set()
    begin_here(path, BoardCards, 2)
    with Build.open(path, BoardCards) as build:
        assert not merge(BoardCards, shards_of(build), build.beside, stop)
        assert sorted(one.name for one in build.beside.path.iterdir()) == ["shard-0", "shard-1"]
    assert dump(BoardCards, built_here(path, BoardCards, 2)) == built(path, BoardCards, 1)
