"""A process of a test: it opens a domain, and carries out what the test asks of it.

The test forks it from a server that has imported all of this already, so that it begins at once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, TypeAlias

from comity.actors import Domain

Opening: TypeAlias = Callable[[], Domain]


class Asked(NamedTuple):
    """A function that the process is to call with its post, and with these arguments."""

    number: int
    function: Callable[..., object]
    arguments: tuple[object, ...]


class Answered(NamedTuple):
    """What a function has returned."""

    number: int
    result: object


class Failed(NamedTuple):
    """What a function has raised."""

    number: int
    kind: str
    """The name of the exception's class."""
    text: str


@dataclass
class Post:
    """The place at which a process carries out what it is asked."""

    name: str
    domain: Domain
    wire: Connection[Any, Any]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, thing: object) -> None:
        """Report something to the test, at once: no buffer dies with the process."""
        with self.lock:
            self.wire.send(thing)

    def carry_out(self, asked: Asked) -> None:
        """Call a function, and report its result."""
        self.tell(_result(asked.number, lambda: asked.function(self, *asked.arguments)))


def serve(wire: Connection[Any, Any], name: str, opening: Opening) -> None:
    """Open the domain; do what comes, each in a thread of its own; close the domain at the end."""
    logging.disable(logging.CRITICAL)
    try:
        domain = opening()
    except Exception as error:  # the test expects some of them
        wire.send(_failed(0, error))
        return
    post = Post(name, domain, wire)
    post.tell(Answered(0, None))
    while (asked := _next(wire)) is not None:
        threading.Thread(target=post.carry_out, args=(asked,), daemon=True).start()
    domain.close()


def _next(wire: Connection[Any, Any]) -> Asked | None:
    """What comes next; None: the process is to close."""
    try:
        asked: Asked | None = wire.recv()
    except (EOFError, OSError):  # the test itself is gone
        os._exit(1)
    return asked


def _result(number: int, function: Callable[[], object]) -> Answered | Failed:
    try:
        return Answered(number, function())
    except Exception as error:  # the test raises it again
        return _failed(number, error)


def _failed(number: int, error: Exception) -> Failed:
    return Failed(number, type(error).__name__, str(error))
