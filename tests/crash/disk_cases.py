"""What a failing disk does to one thing at a time; `test_disk_cases` asks that each case succeeds.

Run as `python -m tests.crash.disk_cases FOLDER [CASE ...]` with the environment of
`tests.support.failing_disk`; for each case it prints a line of JSON.
"""

# Some of what is looked at is private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias
from unittest.mock import patch

from tests.actors.notebook import Stamp, Write, notebook
from tests.actors.shelf import (
    MENDED,
    TORN,
    Pages,
    ParkedPages,
    events_of,
    fold,
    folded,
    ready,
    seen,
    stamp,
    until,
    write,
)
from tests.support.failing_disk import (
    EIO,
    ENOSPC,
    EROFS,
    EVERYTHING,
    FLUSH,
    FOLDER,
    GROW,
    LINK,
    META,
    OPEN,
    SHORT,
    WRITE,
    Disk,
)
from tests.support.heard import Heard

from comity.actors import Domain, HealthLimits, Policy
from comity.actors.projecting.chores import Chores
from comity.engine import (
    ComityError,
    OutcomeUnknown,
    Rejected,
    StorageFailed,
    StorageFull,
)
from comity.readmodels.generations.model_folder import MODELS, ModelFolder
from comity.readmodels.storage.power_mark import mark_flushed
from comity.readmodels.tables.read_model import AnyReadModel

Case: TypeAlias = Callable[[Path, Disk], None]

CASES: dict[str, Case] = {}

LASTING = 0.4
"""Seconds for which it fails: long enough for some tries."""


def case(function: Case) -> Case:
    """Give it to `test_disk_cases`."""
    CASES[function.__name__] = function
    return function


def opened(path: Path, *models: type[AnyReadModel], policy: Policy | None = None) -> Domain:
    """A domain over the failing disk."""
    return Domain.open(path, deciders=[notebook], read_models=models or [Pages], policy=policy)


def writes(domain: Domain) -> bool:
    """Whether the journal can write, as the domain knows."""
    return not domain._assembly.services.committer._outage.on


def error_of(call: Callable[[], object]) -> type[BaseException] | None:
    """What a call raises."""
    try:
        call()
    except BaseException as error:
        return type(error)
    return None


def has_all(domain: Domain, model: type[AnyReadModel] = Pages) -> bool:
    """Whether the model comes to the journal's end."""
    end = domain.statistics().position
    return domain.reached(model, end, timeout=60).result(70) >= end


def waits_or_has_all(domain: Domain) -> bool:
    """Whether the model is held up; or at the end, by a commit that failed and came about."""
    (model,) = domain.models()
    return model.state == "waiting" or model.lag_events == 0


def left_in(path: Path, model: type[AnyReadModel] = Pages) -> list[str]:
    """What stands in a model's folder, but for its locks and the version that is led."""
    names = (each.name for each in (path / MODELS / model.stored_as).iterdir())
    return sorted(name for name in names if not name.startswith(("writer.lock", "version")))


# --- the journal ----------------------------------------------------------------------------------


@case
def reading_goes_on_and_writing_comes_back_though_nobody_sends(path: Path, disk: Disk) -> None:
    for error in (EIO, ENOSPC, SHORT):
        with opened(path / str(error)) as domain:
            book = domain.aggregate(notebook, "a")
            stamp(domain, "a", "p")
            disk.fail(path / str(error) / "data.mdb", META, error)
            assert error_of(book.send(Stamp(page="p", stamps=1)).result) is OutcomeUnknown
            end = time.monotonic() + LASTING
            while time.monotonic() < end:
                assert domain.state(book).stamps == {"p": 1}
                assert domain.version(book) == len(list(domain.history(book))) == 2
                time.sleep(0.01)
            disk.mend()
            assert until(lambda: writes(domain)), "nobody has sent anything"
            stamp(domain, "new", "p")


@case
def a_load_while_the_disk_fails_is_no_bug_of_the_decider(path: Path, disk: Disk) -> None:
    with opened(path, policy=Policy(failures=2)) as domain:
        stamp(domain, "a", "p")
        disk.fail(path / "data.mdb", META, EIO)
        for _ in range(20):
            fails = error_of(domain.aggregate(notebook, "b").send(Stamp(page="p", stamps=1)).result)
            assert fails in (StorageFailed, OutcomeUnknown), fails
        disk.fail(path / "data.mdb", META | OPEN, EIO)  # and the journal cannot be opened again
        for _ in range(20):
            fails = error_of(domain.aggregate(notebook, "c").send(Stamp(page="p", stamps=1)).result)
            assert fails in (StorageFailed, OutcomeUnknown), fails
        disk.mend()
        assert until(lambda: error_of(lambda: stamp(domain, "b", "p")) is None)
        stamp(domain, "c", "p")


@case
def what_is_not_known_is_never_said_not_to_have_happened(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        heard = Heard()
        domain.listen(heard)
        book = domain.aggregate(notebook, "a")
        stamp(domain, "a", "p")
        events = domain.subscribe(notebook, "a", from_version=2)
        disk.fail(path / "data.mdb", META, EIO, done=1)  # it says no, and stores it
        command = Stamp(page="p", stamps=1)
        for _ in range(5):
            assert error_of(book.send(command, id="x").result) is OutcomeUnknown
            assert error_of(book.send(command, id="y").result) in (StorageFailed, OutcomeUnknown)
            assert error_of(domain.aggregate(notebook, "b").send(command).result) is StorageFailed
        disk.mend()
        # Nobody sends, and whoever listens is told what has turned out to be stored.
        found = events.next(60)
        assert found is not None
        assert (found.version, found.command_id) == (3, "x")
        assert until(lambda: heard.positions == [1, 2, 3])
        assert has_all(domain)
        assert book.send(command, id="x").result(60).version == 3
        assert book.send(command, id="y").result(60).version == 4
        assert until(lambda: heard.positions == [1, 2, 3, 4])


@case
def a_refusal_is_as_true_as_a_receipt(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        write(domain, "a", "p", "sealed")
        book = domain.aggregate(notebook, "a")
        disk.fail(path / "data.mdb", META, EIO, done=1)
        for _ in range(3):
            fails = error_of(book.send(Stamp(page="p", stamps=1), id="x").result)
            assert fails is OutcomeUnknown, fails
        disk.mend()
        assert until(
            lambda: error_of(book.send(Stamp(page="p", stamps=1), id="x").result) is Rejected
        )


@case
def snapshots_outlive_a_failure(path: Path, disk: Disk) -> None:
    with opened(path, policy=Policy(snapshot_every=5, idle=0.1)) as domain:
        book = domain.aggregate(notebook, "a")
        stamp(domain, "a", "p", 10)  # the last turn carries a snapshot
        stamp(domain, "a", "p", 6)  # too few for another one while it is live
        journal = domain._assembly.journal  # pyright: ignore[reportPrivateUsage]
        before = journal.snapshot(book.id)
        disk.fail(path / "data.mdb", WRITE, EIO)
        assert until(lambda: domain.statistics().live == 0)
        assert until(lambda: disk.hits > 3)
        disk.mend()
        newest = journal.version(book.id)
        assert until(lambda: journal.snapshot(book.id, newest) not in (None, before))


# --- a model --------------------------------------------------------------------------------------


@case
def a_model_goes_on_after_any_failure_and_can_be_read_meanwhile(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        ready(domain, Pages)
        for kind in (WRITE, META):
            for error in (EIO, ENOSPC, SHORT):
                disk.fail(path / MODELS, kind, error, done=int(kind == META))
                stamp(domain, "a", "p")
                end = time.monotonic() + LASTING
                while time.monotonic() < end:
                    with domain.read(Pages, timeout=60, stale=True) as pages:
                        assert pages.per_book.total() == pages.rows.count()
                    time.sleep(0.01)
                assert until(lambda: disk.hits > 1 and waits_or_has_all(domain))
                disk.mend()
                assert has_all(domain)
    with opened(path) as domain, domain.read(Pages, timeout=60) as pages:
        assert dict(pages.stamps.items()) == {"a": 6}, "each event has had its effect once"


@case
def who_waits_for_a_model_is_answered_though_it_cannot_be_read(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p")
        assert has_all(domain)
        disk.fail(path / MODELS, META | OPEN, EIO)
        position = stamp(domain, "a", "p")
        with suppress(ComityError):
            assert not domain.reached(Pages, position, timeout=0.3).result(60), "never"
        assert until(lambda: domain.models()[0].state == "waiting")
        disk.mend()
        assert has_all(domain)


@case
def that_a_model_stands_is_written_down_once_the_disk_is_well(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p")
        assert has_all(domain)
        disk.fail(path / MODELS, WRITE | META, ENOSPC)
        write(domain, "a", "p", TORN)
        assert until(lambda: domain.models()[0].state == "waiting" and disk.hits > 5)
        disk.mend()
        assert until(lambda: domain.models()[0].state == "stopped")
        assert domain.model(Pages).access.reader.stopped() is not None, "for all processes to see"


@case
def an_event_is_parked_once_the_disk_is_well(path: Path, disk: Disk) -> None:
    with opened(path, ParkedPages) as domain:
        stamp(domain, "a", "p")
        assert has_all(domain, ParkedPages)
        disk.fail(path / MODELS, WRITE | META, ENOSPC)
        write(domain, "a", "p", TORN)
        stamp(domain, "b", "p")
        assert until(lambda: disk.hits > 5)
        disk.mend()
        assert has_all(domain, ParkedPages)
        assert [one.key for one in domain.model(ParkedPages).parked()] == ["a"]
        MENDED.add("a")
        assert domain.model(ParkedPages).replay() == 1
        with domain.read(ParkedPages) as pages:
            journal = domain._assembly.journal  # pyright: ignore[reportPrivateUsage]
            assert seen(pages) == fold(events_of(journal))


@case
def a_rebuild_that_cannot_begin_leaves_nothing_behind(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p", 20)
        assert has_all(domain)
        for number, kind in enumerate((FOLDER, WRITE, FLUSH, META, GROW, LINK), 1):
            disk.fail(path / MODELS, kind, ENOSPC)
            assert error_of(domain.model(Pages).rebuild) is StorageFull
            disk.mend()
            stamp(domain, "a", "p")
            assert has_all(domain)
            if kind == LINK:  # nor can it rename what it would remove
                break
            assert left_in(path) == ["current", f"g{number:06}"]
            domain.model(Pages).rebuild()
            assert until(lambda: left_in(path) == ["current", f"g{number + 1:06}"])  # noqa: B023 - at once
    with opened(path) as domain:
        assert len(left_in(path)) == 2, "what was left is removed when it is opened again"
        assert has_all(domain)


@case
def a_rebuild_goes_on_and_answers_when_the_disk_is_well(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p", 20)
        assert has_all(domain)
        model = domain.model(Pages)
        disk.fail(path / MODELS / "Pages" / "current", LINK, EROFS)
        model.rebuild()
        assert until(lambda: disk.hits > 1), "it is tried again"
        stamp(domain, "a", "p")
        assert has_all(domain), "and what answers goes on meanwhile"
        disk.mend()
        assert until(lambda: left_in(path) == ["current", "g000002"])
        disk.fail(path / MODELS / "Pages" / "g000003", WRITE | META, EIO)
        model.rebuild()
        assert until(lambda: disk.hits > 3)
        disk.mend()
        assert until(lambda: left_in(path) == ["current", "g000003"])
        assert has_all(domain)
        with domain.read(Pages) as pages:
            assert dict(pages.stamps.items()) == {"a": 21}


@case
def a_damaged_model_is_built_anew_once_there_is_room(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p", 20)
        assert has_all(domain)
        disk.fail(path / MODELS, FOLDER, ENOSPC)
        answers = domain.model(Pages).access.reader.environment()
        assert answers is not None
        answers.note_damage()
        assert until(lambda: disk.hits > 1)
        disk.mend()
        assert until(lambda: left_in(path) == ["current", "g000002"])
        assert has_all(domain)


@case
def what_was_offered_is_taken_once_the_disk_is_well(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p", 20)
        assert has_all(domain)
        folder = ModelFolder(path / MODELS / "Pages")
        made = folder.create(Pages.schema.described)
        mark_flushed(made)
        disk.fail(made / "power", WRITE | LINK, EIO)
        folder.offer(made)
        assert until(lambda: disk.hits > 1), "it is tried again"
        disk.mend()
        assert until(lambda: left_in(path) == ["current", "g000002"])
        assert has_all(domain)


@case
def copies_that_fail_do_not_fill_the_disk(path: Path, disk: Disk) -> None:
    with opened(path) as domain:
        stamp(domain, "a", "p", 20)
        assert has_all(domain)
        disk.fail(path / MODELS / "Pages" / "current", LINK, ENOSPC)
        with patch.object(Chores, "WASTE", -1 << 40):  # every look makes a copy
            assert until(lambda: disk.hits > 3)
            assert until(lambda: len(left_in(path)) <= 3), "between two copies"
        disk.mend()
        stamp(domain, "a", "p")
        assert has_all(domain)
    with opened(path) as domain:
        assert len(left_in(path)) == 2
        assert has_all(domain)


# --- opening and closing --------------------------------------------------------------------------


@case
def closing_and_opening_on_a_failing_disk_blocks_nothing(path: Path, disk: Disk) -> None:
    for place in ("", MODELS):
        for kind in (WRITE, FLUSH, META, OPEN, LINK, EVERYTHING):
            here = path / f"{place}{kind}"
            domain = opened(here)
            stamp(domain, "a", "p")
            assert has_all(domain)
            disk.fail(here / place, kind, EIO)
            assert error_of(lambda: domain.close(5)) is None  # noqa: B023 - at once
            with suppress(StorageFailed), opened(here) as domain, suppress(OutcomeUnknown):
                stamp(domain, "b", "p")
            disk.mend()
            with opened(here) as domain:
                stamp(domain, "b", "p")
                assert has_all(domain)
                with domain.read(Pages) as pages:
                    assert pages.position == domain.statistics().position


@case
def a_journal_is_made_whole_or_not_at_all(path: Path, disk: Disk) -> None:
    for kind in (WRITE, FLUSH, META, FOLDER, LINK, GROW):
        here = path / str(kind) / "team"
        here.parent.mkdir()
        disk.fail(here.parent, kind, ENOSPC)
        assert error_of(lambda: opened(here).close()) is StorageFull  # noqa: B023 - at once
        disk.mend()
        if kind != LINK:  # which stands for unlinking, too
            assert list(here.parent.iterdir()) in ([], [here])
        with opened(here) as domain:
            stamp(domain, "a", "p")
            assert has_all(domain)


@case
def closing_takes_no_longer_than_it_may_on_a_disk_that_hangs(path: Path, disk: Disk) -> None:
    for place in ("data.mdb", MODELS):
        here = path / place
        domain = opened(here)
        stamp(domain, "a", "p")
        assert has_all(domain)
        disk.fail(here / place, WRITE | FLUSH | META, EIO, hang=True)
        sent = domain.aggregate(notebook, "a").send(Write(page="q", text="x"), id="x")
        assert until(lambda: disk.hits > 0 or sent.done())  # noqa: B023 - at once
        domain.close(0.3)  # the disk takes for ever
        unknown = error_of(lambda: sent.result(0)) is OutcomeUnknown  # noqa: B023 - at once
        disk.mend()
        assert until(lambda: error_of(lambda: opened(here).close()) is None), "it was let go of"  # noqa: B023 - at once
        if not unknown:
            assert "q" in {page for _, page in folded(here).rows}


@case
def health_answers_at_once_while_the_disk_hangs(path: Path, disk: Disk) -> None:
    with opened(path / "team") as domain:
        stamp(domain, "a", "p")
        assert has_all(domain)
        assert until(lambda: domain.health().ok)
        disk.fail(path / "team" / "data.mdb", WRITE | FLUSH | META, EIO, hang=True)
        sent = domain.aggregate(notebook, "a").send(Write(page="q", text="x"), id="x")
        assert until(lambda: disk.hits > 0)
        began = time.monotonic()
        health = domain.health(HealthLimits(hang=0))
        figures = domain.prometheus()
        assert time.monotonic() - began < 1.0
        assert "the disk hangs" in health.alive.reasons[0]
        assert 'comity_health{check="alive"} 1' in figures, "not for as long as a restart takes"
        disk.mend()
        error_of(lambda: sent.result(60))
        assert until(lambda: domain.health().ok)


def _run(name: str, path: Path, disk: Disk) -> str:
    """What went wrong, if anything did."""
    path.mkdir()
    try:
        CASES[name](path, disk)
    except Exception:
        return traceback.format_exc()
    finally:
        disk.mend()
    return ""


def main() -> None:
    """The cases that are named, or all."""
    folder, *names = sys.argv[1:]
    logging.getLogger("comity").setLevel(logging.CRITICAL)
    disk = Disk()
    for name in names or CASES:
        error = _run(name, Path(folder) / name, disk)
        print(json.dumps({"case": name, "error": error}), flush=True)


if __name__ == "__main__":
    main()
