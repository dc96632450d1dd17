"""Plays two people's recorded typing in a domain without waiting; `__main__` prints the result.

Each of them types on while edits are on their way; each edit has the version that was seen.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypedDict

from examples.shared_typing.domain import Edit, Edited, Patch, document, together

from comity.actors import Domain, Pending
from comity.engine import Busy, ComityError, Receipt

PEOPLE = ("ann", "bob")  # the recording numbers its authors; the lower number comes first

Progress: TypeAlias = Callable[[int], None]


class Recorded(TypedDict):
    """An edit in the recording."""

    parents: list[int]
    agent: int
    patches: list[Patch]


@dataclass(frozen=True)
class Typing:
    """A recorded session."""

    edits: list[Recorded]
    text: str
    """The document's real final text."""

    @classmethod
    def read(cls, path: Path) -> Typing:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            recorded = json.load(file)
        return cls(recorded["txns"], recorded["endContent"])


@dataclass(frozen=True)
class Played:
    """The result."""

    edits: int
    stale: int
    """The number of edits whose author had not seen all edits of the other."""
    outcomes: Counter[str]
    refusals: list[str]
    seconds: float
    text: str


def play(typing: Typing, domain: Domain, key: str, progress: Progress = lambda _: None) -> Played:
    """Send every edit in the recorded order, each author in a session, without waiting for answers.

    An aggregate accepts a bounded number of commands in flight (`Policy.inbox`); when it is `Busy`,
    the sender waits for the oldest of its commands and continues.
    """
    sessions = [domain.session(who).aggregate(document, key) for who in PEOPLE]
    on_their_way: deque[Pending[Receipt[Edited]]] = deque()
    outcomes: Counter[str] = Counter()
    refusals: list[str] = []

    def wait_for_the_oldest() -> None:
        try:
            outcomes[on_their_way.popleft().result(timeout=30).outcome] += 1
        except ComityError as error:
            outcomes[type(error).__name__.lower()] += 1
            refusals.append(str(error))

    stale = 0
    started = time.perf_counter()
    for version, (edit, seen) in enumerate(zip(typing.edits, seen_versions(typing), strict=True)):
        if version % 500 == 0:
            progress(version)
        stale += seen < version
        command = Edit(patches=together(edit["patches"]))
        while True:
            try:
                on_their_way.append(sessions[edit["agent"]].send(command, seen=seen))
                break
            except Busy:
                wait_for_the_oldest()
    while on_their_way:
        wait_for_the_oldest()
    seconds = time.perf_counter() - started
    text = domain.state(sessions[0]).text
    return Played(len(typing.edits), stale, outcomes, refusals, seconds, text)


def seen_versions(typing: Typing) -> Iterator[int]:
    """For each edit, the version before the other author's first edit that was unseen.

    Each edit makes one version, in the order of the recording. A session's own edits always count
    as seen, so later own edits need not be included.
    """
    by_author: dict[int, list[int]] = {0: [], 1: []}  # the versions of each author
    knows: list[tuple[int, int]] = []  # after each edit: how many edits of each author are known
    for version, edit in enumerate(typing.edits):
        me, other = edit["agent"], 1 - edit["agent"]
        seen = [
            max((knows[parent][who] for parent in edit["parents"]), default=0) for who in (0, 1)
        ]
        unseen = by_author[other][seen[other] :]
        yield unseen[0] if unseen else version
        by_author[me].append(version)
        seen[me] = len(by_author[me])
        knows.append((seen[0], seen[1]))
