"""A domain's folder as strangers leave it: made, spoiled in one place, and opened by a worker.

`python -m tests.crash.strange closed PATH` and `… killed PATH` make one that was used: closed, or
killed in the middle of a rebuild while another one was offered and a third begun beside it.
`… work PATH UID` opens spoiled ones as that user, one for each line of JSON that it is given.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final

from tests.actors.notebook import NotebookEvent, Written, notebook
from tests.actors.shelf import Pages, events_of, fold, seen, write

from comity.actors import Domain, ReadModels
from comity.actors.projecting.build import Build
from comity.actors.projecting.parallel_build import build_shard, shards_of
from comity.actors.projecting.projector_actor import ProjectorActor
from comity.cli.app import app
from comity.engine import ComityError, Recorded
from comity.engine.journal.lmdb_journal import LmdbJournal

BOOKS: Final = 3
EVENTS: Final = 60
NOBODY: Final = 65_534
SOMEBODY_ELSE: Final = 12_345

# --- making one that was used ---------------------------------------------------------------------


def make_closed(path: Path) -> None:
    """A domain that was closed."""
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        _use(domain)


def make_killed(path: Path) -> None:
    """One that is killed while it has a rebuild under way, and was offered another generation."""
    ProjectorActor.CHORES = 1e9  # it does not take the offer before it is killed
    domain = Domain.open(path, deciders=[notebook], read_models=[Pages])
    _use(domain)
    begun = threading.Event()

    def stop_here(_: object) -> None:
        begun.set()
        threading.Event().wait()

    domain.model(Pages).rebuild(stop_here)
    assert begun.wait(30)
    subprocess.run([sys.executable, "-m", "tests.crash.strange", "beside", str(path)], check=True)
    os.kill(os.getpid(), signal.SIGKILL)


def build_beside(path: Path) -> None:
    """What `comity rebuild` leaves: a generation that is offered, and shards that are begun."""
    stop = threading.Event()
    with Build.open(path, Pages) as build:
        assert build.go_on()
        stop.set()
        assert build.hand_over(stop) == "offered"
    with Build.open(path, Pages, processes=2) as build:
        build_shard(shards_of(build)[0], build.journal, stop, lambda _: None)


def _use(domain: Domain) -> None:
    last = 0
    for number in range(EVENTS):
        last = write(domain, f"b{number % BOOKS}", f"p{number % 7}", f"text {number}")
    domain.reached(Pages, last, timeout=30).result(30)


# --- spoiling it ----------------------------------------------------------------------------------

OUTSIDE: Final = "canary"
"""The name of the folder beside the domain's that nobody may touch. It holds a twin of the domain,
so that a link to it is one that can be followed."""


def _absent(entry: Path, _twin: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _empty(entry: Path, twin: Path) -> None:
    folder = entry.is_dir() and not entry.is_symlink()
    _absent(entry, twin)
    if folder:
        entry.mkdir()
    else:
        entry.touch()


def _folder(entry: Path, twin: Path) -> None:
    _absent(entry, twin)
    entry.mkdir()
    (entry / "stranger.txt").write_text(entry.name)


def _file(entry: Path, twin: Path) -> None:
    _absent(entry, twin)
    entry.write_bytes(b"\x1b[2J\xff garbage " * 5_000)


def _fifo(entry: Path, twin: Path) -> None:
    _absent(entry, twin)
    os.mkfifo(entry)


def _socket(entry: Path, twin: Path) -> None:
    _absent(entry, twin)
    there = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    os.chdir(entry.parent)  # its address may not be long
    there.bind(entry.name)
    os.fchdir(here)
    os.close(here)
    there.close()


def _huge(entry: Path, twin: Path) -> None:
    _absent(entry, twin)
    entry.touch()
    os.truncate(entry, 1 << 40)


def _link_to(target: Callable[[Path, Path], str]) -> Callable[[Path, Path], None]:
    def spoil(entry: Path, twin: Path) -> None:
        to = target(entry, twin)
        _absent(entry, twin)
        entry.symlink_to(to)

    return spoil


def _hard_link(entry: Path, twin: Path) -> None:
    if not entry.is_file() or entry.is_symlink():
        raise NotApplicable
    entry.unlink()
    entry.hardlink_to(twin)


def _foreign(entry: Path, _twin: Path) -> None:
    if os.getuid() != 0:
        raise NotApplicable


def _unreadable(entry: Path, _twin: Path) -> None:
    if entry.is_symlink():
        raise NotApplicable
    entry.chmod(0)


class NotApplicable(Exception):
    """There is no such thing of this entry, or this user cannot make it."""


HOW: Mapping[str, Callable[[Path, Path], None]] = {
    "absent": _absent,
    "empty": _empty,
    "a folder": _folder,
    "garbage": _file,
    "a fifo": _fifo,
    "a socket": _socket,
    "huge": _huge,
    "a link to /": _link_to(lambda _entry, _twin: "/"),
    "a link to ..": _link_to(lambda _entry, _twin: ".."),
    "a link to itself": _link_to(lambda entry, _twin: entry.name),
    "a link to nothing": _link_to(lambda _entry, _twin: "nothing"),
    "a link to nothing outside": _link_to(
        lambda entry, twin: os.path.relpath(twin.with_name("nothing"), entry.parent)
    ),
    "a link to its twin": _link_to(lambda entry, twin: os.path.relpath(twin, entry.parent)),
    "a hard link to its twin": _hard_link,
    "somebody else's": _foreign,
    "unreadable": _unreadable,
}


def entries_of(template: Path) -> list[str]:
    """Every file, folder and link of a domain's folder."""
    return sorted(str(each.relative_to(template)) for each in template.rglob("*"))


def spoil(template: Path, work: Path, entry: str, how: str) -> Path:
    """A copy of the domain, spoiled in one place, beside a canary. The path of the copy.

    Raises:
        NotApplicable: see there.
    """
    path = work / "home" / "domain"
    twin = work / "home" / OUTSIDE / "twin"
    for copy in (path, twin):
        shutil.copytree(template, copy, symlinks=True)
    HOW[how](path / entry, twin / entry)
    for number, place in enumerate([path, path / "models", path / "models" / "Pages"]):
        if place.is_dir() and not place.is_symlink():
            (place / f"stranger-{number}.txt").write_text("mine")
    if os.getuid() == 0:
        for each in (work, *work.rglob("*")):
            os.chown(each, NOBODY, NOBODY, follow_symlinks=False)
        if how == "somebody else's":
            os.chown(path / entry, SOMEBODY_ELSE, SOMEBODY_ELSE, follow_symlinks=False)
    return path


def picture(folder: Path) -> dict[str, object]:
    """What a folder is, byte for byte and inode for inode."""
    found: dict[str, object] = {}
    for each in sorted(folder.rglob("*")):
        now = each.lstat()
        data: object = None
        if stat.S_ISLNK(now.st_mode):
            data = os.readlink(each)  # noqa: PTH115 - as text
        elif stat.S_ISREG(now.st_mode):
            data = hashlib.sha256(each.read_bytes()).hexdigest()
        at = (now.st_ino, now.st_mode, now.st_uid, now.st_size, now.st_mtime_ns, data)
        found[str(each.relative_to(folder))] = at
    return found


# --- opening it -----------------------------------------------------------------------------------


def as_domain(path: Path, known: list[Recorded[NotebookEvent]]) -> str:
    """Everything that was acknowledged is there, commands are taken, and the model is the fold."""
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        handles = [domain.aggregate(notebook, f"b{number}") for number in range(BOOKS)]
        there = {at.position: at.event for handle in handles for at in domain.history(handle)}
        assert there == {at.position: at.event for at in known}
        last = write(domain, "b0", "new", "new")
        newest = list(domain.history(handles[0]))[-1]
        assert newest.event == Written(page="new", text="new")
        with domain.read(Pages, after=last, timeout=15) as pages:
            assert seen(pages) == fold([*known, newest])
    return "works"


def as_reader(path: Path, known: list[Recorded[NotebookEvent]]) -> str:
    """What is read is the fold up to there."""
    with ReadModels.open(path, [Pages]) as models, models.read(Pages, timeout=0.1) as pages:
        assert seen(pages) == fold(at for at in known if at.position <= pages.position)
    return "works"


def as_build(path: Path, known: list[Recorded[NotebookEvent]]) -> str:
    """The model is built, and is the fold."""
    with Build.open(path, Pages) as build:
        if build.processes > 1:
            for shard in shards_of(build):
                build_shard(shard, build.journal, threading.Event(), lambda _: None)
        build.processes = 1
        assert build.go_on()
        build.hand_over()
    return as_reader(path, known)


def _command(name: str) -> Callable[[Path, list[Recorded[NotebookEvent]]], str]:
    def type_(path: Path, _known: list[Recorded[NotebookEvent]]) -> str:
        sys.argv = ["comity", name, str(path)]
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            app(standalone_mode=False)
        assert "\x1b[2J" not in out.getvalue()
        return "works"

    return type_


OPENERS: Mapping[str, Callable[[Path, list[Recorded[NotebookEvent]]], str]] = {
    "domain": as_domain,
    "reader": as_reader,
    "build": as_build,
    "stats": _command("stats"),
    "models": _command("models"),
}


def work(template: Path, user: int) -> None:
    """Open what each line names, and say how that ended."""
    logging.getLogger("comity").addHandler(logging.NullHandler())
    journal = LmdbJournal.open(template, read_only=True)
    known = events_of(journal)
    journal.close()
    _warm_up(template, known)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    for line in sys.stdin:
        path, opener = json.loads(line)
        said: dict[str, str] = {}
        try:
            said["end"] = OPENERS[opener](Path(path), known)
        except ComityError as error:
            said |= {"end": "error", "kind": type(error).__name__, "text": str(error)}
        except BaseException:
            said |= {"end": "wrong", "text": traceback.format_exc()}
        print(json.dumps(said), flush=True)


def _warm_up(template: Path, known: list[Recorded[NotebookEvent]]) -> None:
    """Import whatever opening imports, before this process may no longer read where that is."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, opener in OPENERS.items():
            shutil.copytree(template, Path(scratch) / name, symlinks=True)
            opener(Path(scratch) / name, known)


def main() -> None:
    """See the top."""
    match sys.argv[1:]:
        case ["closed", path]:
            make_closed(Path(path))
        case ["killed", path]:
            make_killed(Path(path))
        case ["beside", path]:
            build_beside(Path(path))
        case ["work", path, user]:
            work(Path(path), int(user))
        case other:
            raise SystemExit(repr(other))


if __name__ == "__main__":
    main()
