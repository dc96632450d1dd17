"""Several processes on one path: a test starts them, asks them, stops and kills them.

They are real processes. What they report has a time by `time.monotonic_ns`, which is one clock for
all processes of a machine.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from tests.sharing.worker import Answered, Asked, Failed, Opening, Post, serve

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 60.0
"""Seconds to wait for anything: the machine may be very busy."""

_FORKING = get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.sharing.worker", "tests.sharing.ways"])


class Elsewhere(Exception):
    """A function raised this in another process."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


class Gone(Exception):
    """The process ended before it answered."""


class Worker:
    """One process, as the test sees it."""

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        self.told: list[object] = []
        """What it has reported by itself, in order."""
        self.opened: Future[None] = Future()
        self._replies: dict[int, Future[Any]] = {0: self.opened}
        self._numbers = count(1)
        self._wire, theirs = _FORKING.Pipe()
        self._process = _FORKING.Process(
            target=serve, args=(theirs, name, opening), name=name, daemon=True
        )
        self._process.start()
        theirs.close()
        self._listener = threading.Thread(target=self._listen, args=(self._wire,), daemon=True)
        self._listener.start()

    # --- asking ---------------------------------------------------------------------------------

    def begin(
        self, function: Callable[Concatenate[Post, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Ask it to call a function of a module with its post; return the result to come."""
        number, reply = next(self._numbers), Future[T]()
        self._replies[number] = reply
        if kwargs:
            function = cast("Callable[Concatenate[Post, P], T]", partial(function, **kwargs))
        try:
            self._wire.send(Asked(number, function, args))
        except OSError:
            self._say_gone()
        return reply

    def ask(
        self, function: Callable[Concatenate[Post, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do as `begin` does, and wait for the result."""
        return self.begin(function, *args, **kwargs).result(PATIENCE)

    # --- its life -------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill it, and wait until it is dead."""
        self._signal(signal.SIGKILL)
        self._process.join(PATIENCE)
        self._listener.join(PATIENCE)

    def stop(self) -> None:
        """Stop it, wherever it is: it hangs until it goes on, and so do others if it writes."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def ask_to_close(self) -> None:
        """Ask it to close its domain and to end."""
        with suppress(OSError):
            self._wire.send(None)

    def close(self) -> int | None:
        """Let it close its domain and end; return its exit code."""
        self.ask_to_close()
        self._process.join(PATIENCE)
        self._listener.join(PATIENCE)
        return self._process.exitcode

    def clean_up(self) -> None:
        """End it, whatever it does."""
        self._signal(signal.SIGCONT)
        self.kill()
        self._wire.close()
        self._process.close()

    def _signal(self, number: int) -> None:
        if self._process.is_alive():  # else another process may have its number
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    # --- hearing --------------------------------------------------------------------------------

    def _listen(self, wire: Connection[Any, Any]) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._take(wire.recv())
        self._say_gone()

    def _take(self, thing: object) -> None:
        match thing:
            case Answered(number, result):
                self._replies.pop(number).set_result(result)
            case Failed(number, kind, text):
                self._replies.pop(number).set_exception(Elsewhere(kind, text))
            case _:
                self.told.append(thing)

    def _say_gone(self) -> None:
        while self._replies:
            with suppress(KeyError):
                self._replies.popitem()[1].set_exception(Gone(self.name))


class Crew:
    """The processes of a test; all of them end with the `with` block."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self._ends = ExitStack()

    def begin(self, opening: Opening, name: str = "") -> Worker:
        """Start a process, and do not wait until it has opened its domain."""
        worker = Worker(name or f"p{len(self.workers)}", opening)
        self._ends.callback(worker.clean_up)
        self.workers.append(worker)
        return worker

    def start(self, opening: Opening, name: str = "") -> Worker:
        """Start a process, and wait until it has opened its domain.

        Raises:
            Elsewhere: the domain did not open.
        """
        worker = self.begin(opening, name)
        worker.opened.result(PATIENCE)
        return worker

    def several(self, openings: Sequence[Opening]) -> list[Worker]:
        """Start processes that open their domains at the same time."""
        workers = [self.begin(opening) for opening in openings]
        for worker in workers:
            worker.opened.result(PATIENCE)
        return workers

    def close(self) -> list[int | None]:
        """Let all of them close at the same time; return their exit codes."""
        for worker in self.workers:
            worker.ask_to_close()
        return [worker.close() for worker in self.workers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._ends.close()
