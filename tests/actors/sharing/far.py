"""A domain in a process of its own, for tests of several processes on one path."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self, TypeAlias, cast

from tests.actors.notebook import notebook
from tests.actors.sharing.versions import VERSIONS
from tests.actors.shelf import stamp, write
from tests.support import stopping

from comity.actors import Domain
from comity.actors.projecting.build import Build
from comity.actors.projecting.progress import Progress
from comity.engine import ComityError
from comity.engine.merging.decider import AggregateType

Pipe: TypeAlias = "Connection[Any, Any]"

_SERVER = multiprocessing.get_context("forkserver")
"""Starts each process from one that has imported everything: 10 ms instead of a second."""


class Far:
    """A process that has the domain open with these models, until the `with` block ends."""

    def __init__(self, path: Path, *models: str) -> None:
        _SERVER.set_forkserver_preload([__name__])
        self._path = path
        self._pipe, there = _SERVER.Pipe()
        self._process = _SERVER.Process(target=_serve, args=(there, path, models), daemon=True)
        self._process.start()
        there.close()
        assert self._pipe.recv() == "open"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def stamp(self, book: str, page: str, times: int = 1) -> int:
        """Let it stamp a page, and return the position."""
        return cast("int", self._ask("stamp", book, page, times))

    def write(self, book: str, page: str, text: str) -> int:
        """Let it write a page, and return the position."""
        return cast("int", self._ask("write", book, page, text))

    def rows(self, model: str, after: int) -> object:
        """The rows of a model that it reads, once they include this position."""
        return self._ask("rows", model, after)

    def status(self, model: str) -> tuple[str, str]:
        """The state of a model, as it sees it, and who leads it."""
        return cast("tuple[str, str]", self._ask("status", model))

    def rebuild_half(self, model: str) -> None:
        """Let it begin a rebuild, and never end it."""
        self._ask("rebuild half", model)

    def _ask(self, what: str, *arguments: object) -> object:
        self._pipe.send((what, arguments))
        answer = self._pipe.recv()
        if isinstance(answer, ComityError):
            raise answer
        return answer

    def kill(self) -> None:
        """Kill it: nothing more is done or written."""
        self._process.kill()
        self._process.join(60)

    def stop(self) -> None:
        """Stop it, as a process that hangs; not in the middle of a write."""
        stopping.stop(self.pid, self._path)

    def go_on(self) -> None:
        """Let it go on."""
        stopping.go_on(self.pid)

    def close(self) -> None:
        """Let it close its domain and end."""
        self._pipe.send(None)
        self._process.join(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self.kill()  # a stopped process, too
        self._pipe.close()


def opened(
    path: Path, *models: str, folder: Path | None = None, decider: AggregateType = notebook
) -> Domain:
    """The domain, with these versions of its models."""
    every = [VERSIONS[name] for name in models]
    return Domain.open(path, deciders=[decider], read_models=every, models=folder)


def rebuild(path: Path, model: str) -> None:
    """Build a generation of a model in a process of its own, as `comity rebuild`."""
    process = _SERVER.Process(target=_rebuild, args=(path, model))
    process.start()
    process.join(60)
    assert process.exitcode == 0


def _rebuild(path: Path, model: str) -> None:
    with Build.open(path, VERSIONS[model], deciders=[notebook]) as build:
        build.go_on()
        assert build.hand_over() == "taken"


def _serve(pipe: Pipe, path: Path, models: Sequence[str]) -> None:
    """Open the domain, and do what is asked for."""
    with opened(path, *models) as domain:
        pipe.send("open")
        while (asked := pipe.recv()) is not None:
            what, arguments = asked
            try:
                pipe.send(DOES[what](domain, *arguments))
            except ComityError as error:
                pipe.send(error)


def _rows(domain: Domain, model: str, after: int) -> Sequence[object]:
    with domain.read(VERSIONS[model], after=after, timeout=60) as read:
        (table,) = read.schema.tables
        return [row.model_dump() for row in getattr(read, table.name).all()]


def _status(domain: Domain, model: str) -> tuple[str, str]:
    """The state of a model, and who leads it."""
    status = domain.model(VERSIONS[model]).status()
    return status.state, status.led_by


def _rebuild_half(domain: Domain, model: str) -> None:
    """Begin a rebuild, and keep it from its end."""
    begun = threading.Event()

    def stay(_: Progress) -> None:
        begun.set()
        threading.Event().wait()

    domain.model(VERSIONS[model]).rebuild(stay)
    begun.wait()


DOES: Mapping[str, Callable[..., object]] = {
    "stamp": stamp,
    "write": write,
    "rows": _rows,
    "status": _status,
    "rebuild half": _rebuild_half,
}
