"""Which of an aggregate's newest events touched which path: clashes found without comparing all.

A command that is merged over 50 events is compared with each of them in 14 µs; asking here takes
2 µs, and noting an event 2 µs, once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from comity.engine.messages.footprint import Path, meeting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comity.engine.merging.happened import Happened
    from comity.engine.messages.footprint import Footprint
    from comity.engine.messages.message import Event


class Places:
    """Versions by path, for as far back as was ever asked. Keep one beside an aggregate's tail."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        # The versions that touched this very path, and those that touched something inside of it.
        self._at = defaultdict[Path, list[int]](list)
        self._below = defaultdict[Path, list[int]](list)
        self._first = 0  # all versions from here on are in,
        self._newest: Happened[Event] | None = None  # up to this one

    def meetings(self, ours: Footprint, since: Sequence[Happened[Event]]) -> dict[int, Path]:
        """Where each event of `since` overlaps `ours`, by version, oldest first.

        What `meeting` says of each: the first of `ours` that overlaps, and the longer path.
        """
        self._note(since)
        first, sources = since[0].version, 0
        found: dict[int, Path] = {}
        for one in ours:
            inside = _from(self._below.get(one), first)
            at = [_from(self._at.get(one[:length]), first) for length in range(len(one) + 1)]
            sources += sum(map(bool, (inside, *at)))
            for version in inside:
                path = meeting((one,), since[version - first].paths)
                if path is not None:
                    found.setdefault(version, path)
            for versions in filter(None, at):
                found = dict.fromkeys(versions, one) | found  # what is found already stays
        return dict(sorted(found.items())) if sources > 1 else found

    def _note(self, since: Sequence[Happened[Event]]) -> None:
        """Have all of `since` in; what is in already stays, if it is of the same history."""
        first, newest = since[0].version, self._newest
        known = 0 if newest is None else newest.version + 1 - first  # so many of them are in
        if not (0 < known <= len(since) and self._first <= first and since[known - 1] is newest):
            self._clear()
            self._first, known = first, 0
        try:
            for happened in since[known:]:
                self._add(happened)
        except BaseException:  # footprints are the domain's code, and what is in them may not hash
            self._clear()
            raise
        self._newest = since[-1]

    def _add(self, happened: Happened[Event]) -> None:
        version = happened.version
        for path in happened.paths:
            self._at[path].append(version)
            for length in range(len(path)):
                below = self._below[path[:length]]
                if not below or below[-1] != version:
                    below.append(version)


def _from(versions: list[int] | None, first: int) -> Sequence[int]:
    return versions[bisect_left(versions, first) :] if versions else ()
