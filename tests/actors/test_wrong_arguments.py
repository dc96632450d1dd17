"""Whatever a host gives that cannot be right is refused with words, and harms nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from math import inf, nan
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.actors.notebook import Notebook, NotebookCommand, NotebookEvent, Write, decide, evolve
from tests.actors.notebook import notebook as known
from tests.actors.shelf import Activity, Pages, write

from comity.actors import Aggregate, Domain, Policy, ReadModels
from comity.actors.projecting.build import Build
from comity.engine import Closed, ComityError, Command, Decider, Invalid, Key
from comity.engine.errors import WiringError
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal

# Any, because what is tried here is what the checkers would refuse.
Wrong: TypeAlias = Any
notebook: Wrong = known

LONG = "x" * 100_000
JUNK: list[object] = [
    None, True, 1.5, -1, 1 << 70, nan, inf, "", "x", "a/b", "\0", "\ud800", "a\x1b[2J", LONG, b"x",
    (1,), [1], {"a": 1}, {1}, object(), int, Write, ValueError("x"),
]  # fmt: skip


@dataclass
class Stage:
    """A domain with something in it, and what is asked of it."""

    domain: Wrong
    book: Wrong
    path: Path

    def read(self) -> Wrong:
        """A snapshot."""
        return self.domain.read(Pages, after=2, timeout=60)

    def check(self) -> None:
        """The right call still works."""
        command = Write(page="p", text="x")
        assert self.book.send(command).result(60).version == 1
        with self.read() as pages:
            assert len(pages.rows) == 2


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    path = tmp_path_factory.mktemp("stage")
    with Domain.open(path / "d", deciders=[known], read_models=[Pages]) as domain:
        write(domain, "a", "p", "x")
        end = write(domain, "b", "p", "y")
        domain.reached(Pages, end, timeout=60).result(60)
        yield Stage(domain, domain.session("ann").aggregate(known, "a"), path)


class Deaf:
    """A listener."""

    def receive(self, batch: object) -> None:
        """Nothing."""


def is_text(junk: object) -> bool:
    return junk in ("x", "a/b", "\0", "a\x1b[2J")


def is_whole(junk: object) -> bool:
    return type(junk) is int and junk >= 0


def is_seconds(junk: object) -> bool:
    return type(junk) in (int, float) and junk == junk  # noqa: PLR0124 - NaN is not itself


def is_nothing(junk: object) -> bool:
    return junk is None


def never(junk: object) -> bool:
    return False


Call: TypeAlias = Callable[[Stage, Wrong], object]
Calls: TypeAlias = dict[str, tuple[Callable[[object], bool], Call]]
"""What is called, and which of the junk is right there."""

OK = Write(page="p", text="x")


def closing(opened: Wrong) -> None:
    opened.close()


def reading_once(path: Path) -> None:
    with ReadModels.open(path, [Pages]) as models:
        models.read(Pages, timeout=0)


SENDING: Calls = {
    "session": (is_text, lambda on, it: on.domain.session(it)),
    "session id": (
        lambda it: it is None or is_text(it),
        lambda on, it: on.domain.session("ann", id=it),
    ),
    "aggregate key": (is_text, lambda on, it: on.domain.aggregate(known, it)),
    "aggregate decider": (never, lambda on, it: on.domain.aggregate(it, "a")),
    "session's aggregate": (never, lambda on, it: on.domain.session("ann").aggregate(it, "a")),
    "send": (never, lambda on, it: on.book.send(it).result(60)),
    "do": (never, lambda on, it: on.book.do(it)),
    "preview": (never, lambda on, it: on.book.preview(it).result(60)),
    "send_many": (never, lambda on, it: on.book.send_many(it).result(60)),
    "send_many of a command": (
        never,
        lambda on, it: on.book.send_many(OK if it else it).result(60),
    ),
    "send_many of one": (never, lambda on, it: on.book.send_many([OK, it]).result(60)),
    "seen": (is_nothing, lambda on, it: on.book.send(OK, it).result(60)),
    "id": (lambda it: it is None or is_text(it), lambda on, it: on.book.send(OK, id=it).result(60)),
    "deadline": (
        lambda it: it is None or (is_seconds(it) and it != -1),
        lambda on, it: on.book.send(OK, deadline=it).result(60),
    ),
    "metadata": (
        lambda it: it is None or it == "",
        lambda on, it: on.book.send(OK, metadata=it).result(60),
    ),
    "metadata's values": (
        lambda it: it == "" or is_text(it),
        lambda on, it: on.book.send(OK, metadata={"key": it}).result(60),
    ),
    "result": (
        lambda it: it is None or is_seconds(it),
        lambda on, it: on.book.send(OK).result(it if not is_seconds(it) else 10 + it),
    ),
    "results": (
        lambda it: it is None or is_seconds(it),
        lambda on, it: on.book.send_many([OK]).result(it if not is_seconds(it) else 10 + it),
    ),
    "saw": (is_whole, lambda on, it: on.domain.session("bob").aggregate(known, "a").saw(it)),
}

LOOKING: Calls = {
    "history": (never, lambda on, it: list(on.domain.history(it))),
    "history after": (never, lambda on, it: list(on.domain.history(on.book, after=it))),
    "state": (never, lambda on, it: on.domain.state(it)),
    "state at": (is_nothing, lambda on, it: on.domain.state(on.book, at=it)),
    "version": (never, lambda on, it: on.domain.version(it)),
    "subscribe decider": (never, lambda on, it: on.domain.subscribe(it, "a").close()),
    "subscribe key": (is_text, lambda on, it: on.domain.subscribe(known, it).close()),
    "subscribe from": (never, lambda on, it: on.domain.subscribe(known, "a", it).close()),
    "stream's next": (
        is_seconds,
        lambda on, it: on.domain.subscribe(known, "a").next(it),
    ),
    "listen": (never, lambda on, it: on.domain.listen(it).close()),
    "listen after": (never, lambda on, it: on.domain.listen(Deaf(), after=it).close()),
}

READING: Calls = {
    "read": (never, lambda on, it: on.domain.read(it)),
    "read after": (is_nothing, lambda on, it: on.domain.read(Pages, after=it, timeout=0).close()),
    "read timeout": (is_seconds, lambda on, it: on.domain.read(Pages, after=2, timeout=it).close()),
    "reached": (never, lambda on, it: on.domain.reached(it, 1).result(60)),
    "reached after": (
        is_nothing,
        lambda on, it: on.domain.reached(Pages, it, timeout=0).result(60),
    ),
    "reached timeout": (is_seconds, lambda on, it: on.domain.reached(Pages, 2, timeout=it)),
    "watch": (never, lambda on, it: on.domain.watch(it)),
    "watch's next": (is_seconds, lambda on, it: on.domain.watch(Pages.rows.all()).next(it)),
    "model": (never, lambda on, it: on.domain.model(it)),
    "drop": (never, lambda on, it: on.domain.model(Pages).drop(it)),
    "replay": (is_nothing, lambda on, it: on.domain.model(Pages).replay(it)),
    "row": (never, lambda on, it: on.read().rows[it]),
    "row of a part": (never, lambda on, it: on.read().rows["a", it]),
    "rows": (never, lambda on, it: on.read().rows.get_many(it)),
    "page": (never, lambda on, it: on.read().rows.all().page(it)),
    "page after": (is_nothing, lambda on, it: on.read().rows.all().page(1, it)),
    "list": (
        lambda it: it is None or is_whole(it),
        lambda on, it: on.read().rows.all().list(it),
    ),
    "batches": (is_whole, lambda on, it: list(on.read().rows.all().batches(it))),
    "top": (is_whole, lambda on, it: on.read().per_book.top(it)),
    "starting": (
        lambda it: it == "" or is_text(it),
        lambda on, it: on.read().by_text.starting(it).list(),
    ),
    "into": (never, lambda on, it: on.read().rows.all().into(it)),
    "scan": (
        lambda it: it is int or it is Write,  # they can be called: what that raises is their own
        lambda on, it: on.read().rows.scan(it),
    ),
    "where": (never, lambda on, it: on.read().rows.where(nothing=it)),
}

OPENING: Calls = {
    "path": (lambda it: it in ("x", "a\x1b[2J"), lambda on, it: closing(open_at(on, it))),
    "deciders": (never, lambda on, it: closing(Domain.open(on.path / "o", deciders=it))),
    "a decider": (never, lambda on, it: closing(Domain.open(on.path / "o", deciders=[it]))),
    "models": (never, lambda on, it: closing(with_models(on, it))),
    "a model": (never, lambda on, it: closing(with_models(on, [it]))),
    "folder": (
        lambda it: it is None or (is_text(it) and it != "\0"),
        lambda on, it: closing(with_models(on, [Pages], models=beneath(on, it, "m"))),
    ),
    "policy": (is_nothing, lambda on, it: closing(with_models(on, [], policy=it))),
    "journal": (never, lambda _, it: closing(Domain(it, deciders=[known]))),
    "elsewhere": (
        lambda it: it == LONG or (is_text(it) and it != "\0"),  # nothing is there yet
        lambda on, it: closing(ReadModels.open(beneath(on, it, "e"), [Pages])),
    ),
    "models elsewhere": (never, lambda on, it: closing(ReadModels.open(on.path, it))),
    "snapshot": (
        is_seconds,
        lambda on, it: closing(ReadModels.open(on.path, [Pages], snapshot=it)),
    ),
    "read only": (
        never,
        lambda on, it: closing(LmdbJournal.open(beneath(on, it, "r"), read_only=True)),
    ),
    "build path": (never, lambda on, it: closing(Build.open(beneath(on, it, "b"), Pages))),
    "build model": (never, lambda on, it: closing(Build.open(on.path / "d", it))),
    "build deciders": (
        never,
        lambda on, it: closing(Build.open(on.path / "none", Pages, deciders=it)),
    ),
    "timeout": (is_seconds, lambda _, it: Domain(MemoryJournal(), deciders=[]).close(it)),
}


def beneath(on: Stage, it: Wrong, own: str) -> Wrong:
    """The junk where it is text, as a path in the test's folder, after a letter of its own."""
    return f"{on.path}/{own}{it}" if isinstance(it, str) and it else it


def open_at(on: Stage, it: Wrong) -> Domain:
    return Domain.open(beneath(on, it, "p"), deciders=[known])


def with_models(on: Stage, it: Wrong, **more: Wrong) -> Domain:
    return Domain.open(on.path / "w", deciders=[known], read_models=it, **more)


CALLS = {**SENDING, **LOOKING, **READING, **OPENING}


@pytest.mark.parametrize("name", CALLS)
def test_what_cannot_be_right_is_refused_with_words(stage: Stage, name: str) -> None:
    is_right, call = CALLS[name]
    for junk in JUNK:
        if is_right(junk):
            if not (isinstance(junk, (int, float)) and junk > 1):  # it would wait for so long
                call(stage, junk)
            continue
        with pytest.raises(ComityError) as refused:
            call(stage, junk)
            pytest.fail(f"{junk!r:.50} was taken")
        said = str(refused.value)
        assert said
        assert "\n" not in said
    stage.check()


@pytest.mark.parametrize("name", [one.name for one in fields(Policy)])
def test_a_policy_takes_numbers_above_nothing(name: str) -> None:
    whole = type(getattr(Policy(), name)) is int
    for junk in [*JUNK, 0]:
        if type(junk) is float and junk == 1.5 and not whole:
            assert getattr(Policy(**{name: junk}), name) == junk  # type: ignore[arg-type]
        else:
            with pytest.raises(WiringError, match=rf"Policy\.{name}: expected a"):
                Policy(**{name: junk})  # type: ignore[arg-type]


# --- commands that are none of this aggregate's ---------------------------------------------------


class Shelve(Command):
    """Another aggregate's command."""

    page: Key[str]


class WriteMore(Write):
    """A subclass of one of its own."""


def changed(**values: object) -> Write:
    """A command whose fields were changed behind pydantic's back."""
    command = Write(page="p", text="changed")
    vars(command).update(values)
    return command


COMMANDS: list[Wrong] = [
    Shelve(page="p"), WriteMore(page="p", text="x"), Write, changed(text=object()),
    changed(text="\ud800"), changed(page=["p"], text="z"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=[f"{n}" for n in range(len(COMMANDS))])
@pytest.mark.parametrize("id", [None, "given"])
def test_a_command_that_is_no_command_of_it_is_refused(command: Wrong, id: str | None) -> None:
    with Domain(MemoryJournal(), deciders=[known]) as domain:
        book: Wrong = domain.session("ann").aggregate(known, "a")
        with pytest.raises(ComityError):
            book.send(command, id=id).result(60)
        assert book.send(OK).result(60).version == 1


def test_a_command_without_any_fields_changes_nothing() -> None:
    with Domain(MemoryJournal(), deciders=[known]) as domain:
        book = domain.session("ann").aggregate(known, "a")
        assert book.send(Write.__new__(Write)).result(60).events == ()
        assert book.send(OK).result(60).version == 1


def test_a_decider_of_the_same_name_is_another_one(stage: Stage) -> None:
    other: Decider[Notebook, NotebookCommand, NotebookEvent] = Decider(
        "notebook", Notebook, decide, evolve
    )
    with pytest.raises(WiringError, match="not among the deciders that this domain was opened"):
        stage.domain.aggregate(other, "a")
    stage.check()


def test_a_selection_of_a_model_that_is_not_open_is_refused(stage: Stage) -> None:
    with pytest.raises(WiringError, match="is not of a read model that is open here"):
        stage.domain.watch(Activity.rows.all())
    with stage.read() as pages, pytest.raises(WiringError, match="expected a selection, such as"):
        stage.domain.watch(pages.rows.all())


def test_a_single_command_is_not_several() -> None:
    with Domain(MemoryJournal(), deciders=[known]) as domain:
        book: Aggregate[Notebook, NotebookCommand, NotebookEvent] = domain.aggregate(known, "a")
        with pytest.raises(Invalid, match="commands: expected a list, got Write"):
            book.send_many(OK)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        assert len(book.send_many([OK, OK])) == 2


def test_waiting_for_several_answers_where_nobody_may_wait_is_a_mistake() -> None:
    raised: list[BaseException] = []

    class Waiting:
        def receive(self, batch: object) -> None:
            try:
                book.send_many([Write(page="q", text="y")]).result(1)
            except BaseException as error:
                raised.append(error)

    with Domain(MemoryJournal(), deciders=[known]) as domain:
        book: Aggregate[Notebook, NotebookCommand, NotebookEvent] = domain.aggregate(known, "a")
        subscription = domain.listen(Waiting())
        end = book.send(OK).result(60).position
        while subscription.position < end:
            pass
    assert isinstance(raised[0], WiringError)


# --- what is closed -------------------------------------------------------------------------------


CLOSED: Sequence[Callable[[Wrong, Wrong], object]] = [
    lambda _, book: book.send(OK),
    lambda _, book: book.send_many([OK]),
    lambda _, book: book.do(OK),
    lambda _, book: book.preview(OK),
    lambda _, book: book.look(),
    lambda _, book: book.version,
    lambda domain, book: domain.history(book),
    lambda domain, book: domain.state(book),
    lambda domain, _: domain.subscribe(known, "a"),
    lambda domain, _: domain.listen(Deaf()),
    lambda domain, _: domain.read(Pages),
    lambda domain, _: domain.reached(Pages, 1),
    lambda domain, _: domain.watch(Pages.rows.all()),
    lambda domain, _: domain.model(Pages),
    lambda domain, _: domain.models(),
    lambda domain, _: domain.statistics(),
]


@pytest.mark.parametrize("call", CLOSED)
def test_a_closed_domain_says_so(call: Callable[[Wrong, Wrong], object]) -> None:
    with Domain(MemoryJournal(), deciders=[known]) as domain:
        book = domain.aggregate(known, "a")
    with pytest.raises(Closed, match="the domain is closed; open it again to go on"):
        call(domain, book)


# --- places where no journal can be ---------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "file/under", "long", "deep", "loop", "loop/under"])
def test_a_place_where_no_journal_can_be_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    names = {"long": "x" * 300, "deep": "/".join(["y" * 200] * 30)}
    path = tmp_path / names.get(place, place)
    openings: list[Callable[[], object]] = [
        lambda: Domain.open(path, deciders=[known]),
        lambda: LmdbJournal.open(path, read_only=True),
        lambda: Build.open(path, Pages, deciders=[known]),
        lambda: Domain.open(tmp_path / "d", deciders=[known], read_models=[Pages], models=path),
        lambda: reading_once(path),
    ]
    for opening in openings:
        with pytest.raises(ComityError):
            opening()
    with Domain.open(tmp_path / "d", deciders=[known]) as domain:
        assert domain.aggregate(known, "a").send(OK).result(60).version == 1


def test_a_path_in_a_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ComityError, match="names no place"):
        Domain.open("team.db", deciders=[known])
