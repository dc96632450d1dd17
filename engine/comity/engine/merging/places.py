"""An index of an aggregate's newest events by path and by session; `Since` asks it.

Comparing a command with each of 50 events takes 14 µs. A look-up in the index takes 1 µs, and
adding an event takes 1 µs, once.
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
    """An index from paths and sessions to versions. Keep one index beside each aggregate's tail.

    It goes back to the oldest version of any `since` that it was asked about.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        # The versions that touched exactly this path, and those that touched a path below it. The
        # empty path is not in `below`: nearly all versions would be.
        self._at = defaultdict[Path, list[int]](list)
        self._below = defaultdict[Path, list[int]](list)
        self._lengths = set[int]()  # of the paths in `at`
        self._by = defaultdict[str, list[int]](list)  # the versions of each session
        self._first = 0  # the oldest version in the index; it has no gaps
        self._newest: Happened[Event] | None = None  # the newest event in the index

    def of(self, session: str, since: Sequence[Happened[Event]]) -> Sequence[int]:
        """Return the versions of the events of `since` that this session caused, oldest first."""
        self._note(since)
        return _from(self._by.get(session), since[0].version)

    def meetings(self, ours: Footprint, since: Sequence[Happened[Event]]) -> dict[int, Path]:
        """Return where events of `since` overlap `ours`: paths by version, oldest first.

        Each path is what `meeting` returns: for the first path of `ours` that overlaps, the longer
        of the two overlapping paths.
        """
        self._note(since)
        first, sources = since[0].version, 0
        found: dict[int, Path] = {}
        for one in ours:
            below = _from(self._below.get(one), first) if one else [each.version for each in since]
            for version in below:
                path = meeting((one,), since[version - first].paths)
                if path is not None:
                    found.setdefault(version, path)
            sources += bool(below)
            for length in self._lengths:
                if length <= len(one) and (at := _from(self._at.get(one[:length]), first)):
                    met = dict.fromkeys(at, one)
                    found = met | found if found else met  # earlier results win
                    sources += 1
        return dict(sorted(found.items())) if sources > 1 else found

    def _note(self, since: Sequence[Happened[Event]]) -> None:
        """Add all of `since`; rebuild the index if it does not continue the same history."""
        first, newest = since[0].version, self._newest
        known = 0 if newest is None else newest.version + 1 - first  # in the index
        if not (0 < known <= len(since) and self._first <= first and since[known - 1] is newest):
            self._clear()
            self._first, known = first, 0
        try:
            for happened in since[known:]:
                self._add(happened)
        except BaseException:  # a domain's footprint may fail, or have unhashable parts
            self._clear()
            raise
        self._newest = since[-1]

    def _add(self, happened: Happened[Event]) -> None:
        version = happened.version
        for path in happened.paths:
            length = len(path)
            self._lengths.add(length)
            self._at[path].append(version)
            for shorter in range(1, length):
                self._below[path[:shorter]].append(version)
        if happened.session:
            self._by[happened.session].append(version)


def _from(versions: list[int] | None, first: int) -> Sequence[int]:
    """Return the versions from the first on."""
    if not versions or versions[-1] < first:
        return ()
    return versions[bisect_left(versions, first) :]
