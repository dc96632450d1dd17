"""A small domain for the actors' tests: pages with a text each, and ways to misbehave on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from comity.engine import Command, Decider, Event, Key, Rejected


class Write(Command):
    """Set a page's text."""

    page: Key[str]
    text: str


class Stamp(Command):
    """Count on a page; stamps commute."""

    page: Key[str]
    stamps: int


class Misbehave(Command):
    """Run what the test put into `MISCHIEF` under this name, in decide or in evolve."""

    name: str
    where: str


class Written(Event):
    """A page's text was set."""

    page: Key[str]
    text: str


class Stamped(Event):
    """A page was stamped."""

    page: Key[str]
    stamps: int
    commutes = True


class Misbehaved(Event):
    """Evolving this runs the mischief."""

    name: str


NotebookCommand = Write | Stamp | Misbehave
NotebookEvent = Written | Stamped | Misbehaved

MISCHIEF: dict[str, Callable[[], None]] = {}
LIMIT = 1000


@dataclass
class Notebook:
    """The pages of one notebook."""

    pages: dict[str, str] = field(default_factory=dict[str, str])
    stamps: dict[str, int] = field(default_factory=dict[str, int])


class PageFull(Rejected):
    """A page takes no such text."""

    def __init__(self, page: str, limit: int) -> None:
        super().__init__(f"page {page!r} takes {limit} characters", page=page, limit=limit)


def decide(notebook: Notebook, command: NotebookCommand) -> Iterator[NotebookEvent]:
    """What a command comes to."""
    match command:
        case Write(page=page, text=text):
            if len(text) > LIMIT:
                raise PageFull(page, LIMIT)
            if notebook.pages.get(page) != text:
                yield Written(page=page, text=text)
        case Stamp(page=page, stamps=stamps):
            if notebook.pages.get(page) == "sealed":
                raise Rejected("a sealed page takes no stamps")
            yield Stamped(page=page, stamps=stamps)
        case Misbehave(name=name, where=where):
            if where == "decide":
                notebook.pages["half"] = "done"
                MISCHIEF[name]()
            yield Misbehaved(name=name)


def evolve(notebook: Notebook, event: NotebookEvent) -> Notebook:
    """The notebook after an event."""
    match event:
        case Written(page=page, text=text):
            notebook.pages[page] = text
        case Stamped(page=page, stamps=stamps):
            notebook.stamps[page] = notebook.stamps.get(page, 0) + stamps
        case Misbehaved(name=name):
            notebook.pages["half"] = "evolved"
            if name in MISCHIEF:
                MISCHIEF[name]()
    return notebook


notebook = Decider("notebook", Notebook, decide, evolve)


def raising(error: BaseException) -> Callable[[], None]:
    """Mischief that raises."""

    def mischief() -> None:
        raise error

    return mischief


class Stall:
    """Mischief that holds its thread until it is released."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        self.released.wait(30)
