"""How many calls and files does a command, an event or a query pass through?"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Final, cast

from benchmarks.experiments.finding import Finding
from benchmarks.proof import Wrong
from comity.actors import Domain
from comity.engine import Command, Decider, Event, Key, Receipt, Recorded
from comity.readmodels import ReadModel, Row, Table

_WARM: Final = 300
_TIMES: Final = 15
_PACKAGE: Final = "/comity/"


class Rename(Command):
    """Rename a card."""

    card: Key[str]
    title: str


class Renamed(Event):
    """A card was renamed."""

    card: Key[str]
    title: str


def decide(cards: dict[str, str], command: Rename) -> Iterator[Renamed]:
    """One event for each new title."""
    if cards.get(command.card) != command.title:
        yield Renamed(card=command.card, title=command.title)


def evolve(cards: dict[str, str], event: Renamed) -> dict[str, str]:
    """Apply the title."""
    cards[event.card] = event.title
    return cards


class Title(Row):
    """A card and its title."""

    card: str
    title: str


class Titles(ReadModel[Renamed]):
    """All titles."""

    rows = Table(Title, key=lambda row: row.card)
    by_title = rows.index(lambda row: row.title)
    projected_by: int = 0
    """The thread that ran `project` last."""

    def project(self, event: Renamed, at: Recorded) -> None:
        """One row for each card."""
        Titles.projected_by = threading.get_ident()
        self.rows.put(Title(card=event.card, title=event.title))


def nothing() -> dict[str, str]:
    """A board without cards."""
    return {}


board = Decider("board", nothing, decide, evolve)


class Calls:
    """The files of comity's calls, in order, by thread, while it counts."""

    def __init__(self) -> None:
        self.counting = False
        self.files: dict[int, list[str]] = defaultdict(list)

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """What `threading.setprofile` has every new thread call."""
        path = frame.f_code.co_filename
        if self.counting and event == "call" and _PACKAGE in path:
            self.files[threading.get_ident()].append(path.rsplit(_PACKAGE, 1)[1])

    def during(self, do: Callable[[], object]) -> dict[int, list[str]]:
        """The calls while `do` runs."""
        self.files.clear()
        self.counting = True
        do()
        self.counting = False
        return dict(self.files)


def run(folder: Path, _: float) -> list[Finding]:
    """Calls, files, and files that are entered more than once, of one of each."""
    calls, found = Calls(), dict[str, list[str]]()
    threading.setprofile(calls)  # before the engine's threads begin
    try:
        thread = threading.Thread(target=_count, args=(folder, calls, found))
        thread.start()  # only a thread other than the main one helps the committer
        thread.join()
    finally:
        threading.setprofile(cast("Callable[[FrameType, str, object], object]", None))
    if not all(found.values()) or not found:
        raise Wrong("not all of them were counted")
    return [_finding(what, files) for what, files in found.items()]


def _count(folder: Path, calls: Calls, found: dict[str, list[str]]) -> None:
    me = threading.get_ident()
    with Domain.open(folder / "domain", deciders=[board], read_models=[Titles]) as domain:
        cards = domain.session("ann").aggregate(board, "b")
        titles = itertools.count()

        def rename() -> Receipt[Renamed]:
            return cards.do(Rename(card="c", title=f"{next(titles)}"))

        def project() -> None:
            domain.reached(Titles, rename(), timeout=60).result()

        def ask() -> None:
            with domain.read(Titles) as model:
                model.by_title["x"].page(limit=20)

        for _ in range(_WARM):
            rename()
        found["a command, `do` to receipt"] = _least(calls, rename, lambda: me)
        found["an event to its row"] = _least(calls, project, lambda: Titles.projected_by)
        found["a page of a query"] = _least(calls, ask, lambda: me)


def _least(calls: Calls, do: Callable[[], object], thread: Callable[[], int]) -> list[str]:
    """The calls of that thread: the fewest of several tries, since threads may meet."""
    return min((calls.during(do).get(thread(), []) for _ in range(_TIMES)), key=len)


def _finding(what: str, files: list[str]) -> Finding:
    entered = Counter(name for name, _ in groupby(files))
    again = sum(many > 1 for many in entered.values())
    note = f"in {len(entered)} files, of which {again} are entered more than once"
    return Finding(what, float(len(files)), "calls", note=note)
