"""The errands that a runner has begun, bounded: on their way, resting after a failure, or done and
not yet seen in the agenda. A runner uses it on its own thread.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from comity.actors.processes.errand import Errand, Stuck

if TYPE_CHECKING:
    from comity.actors.processes.errand import ErrandId

AT_ONCE: Final = 256
"""Errands of one kind that may be on their way at once."""
MOST_RESTING: Final = 10_000
"""Errands that may rest at once, some MB. More are forgotten, and found in the agenda again."""


class Errands:
    """The errands of one process."""

    def __init__(self) -> None:
        self.forgot = False
        """Whether errands were forgotten that are to be found again."""
        self._all: dict[ErrandId, Errand] = {}
        self._moving: Counter[type[Errand]] = Counter()  # on their way, or not yet seen as done
        self._done: deque[tuple[int, Errand]] = deque()
        self._resting: list[tuple[float, int, Errand]] = []
        self._order = itertools.count()

    def __contains__(self, id: ErrandId) -> bool:
        return id in self._all

    def has(self, errand: Errand) -> bool:
        """Whether this errand was begun here and is not forgotten."""
        return self._all.get(errand.id) is errand

    def room(self, kind: type[Errand]) -> int:
        """How many more errands of this kind may begin."""
        return AT_ONCE - self._moving[kind]

    def many(self, kind: type[Errand]) -> int:
        """At most how many errands of this kind there are."""
        return self._moving[kind] + len(self._resting)

    def begin(self, errand: Errand) -> None:
        """Note that an errand is on its way, for the first time or again."""
        self._all[errand.id] = errand
        self._moving[type(errand)] += 1

    def rest(self, errand: Errand, until: float) -> None:
        """Let an errand that was on its way rest until a time on the monotonic clock."""
        self._moving[type(errand)] -= 1
        if len(self._resting) >= MOST_RESTING:
            del self._all[errand.id]
            self.forgot = True
        else:
            errand.until = until
            heapq.heappush(self._resting, (until, next(self._order), errand))

    def done(self, errand: Errand, position: int) -> None:
        """Note that an errand is done; the agenda shows it once it has this position."""
        self._done.append((position, errand))

    def drop(self, errand: Errand) -> None:
        """Forget an errand that was on its way, since it need not be done any more."""
        self._moving[type(errand)] -= 1
        del self._all[errand.id]

    def seen(self, position: int) -> Iterator[Errand]:
        """The errands that an agenda with this position shows as done."""
        for _ in range(len(self._done)):
            at, errand = self._done.popleft()
            if at <= position:
                yield errand
            else:
                self._done.append((at, errand))

    def rested(self, now: float) -> Iterator[Errand]:
        """The errands whose rest is over; they count as on their way again."""
        while self._resting and self._resting[0][0] <= now:
            errand = heapq.heappop(self._resting)[2]
            self._moving[type(errand)] += 1
            yield errand

    @property
    def next(self) -> float | None:
        """When the next rest is over, on the monotonic clock; None if none rests."""
        return self._resting[0][0] if self._resting else None

    def hurry(self, key: str | None, now: float) -> None:
        """End the rests of one instance, or of all."""
        resting = [
            (now if key is None or errand.key == key else until, order, errand)
            for until, order, errand in self._resting
        ]
        heapq.heapify(resting)
        self._resting = resting

    def stuck(self, now: float) -> Sequence[Stuck]:
        """What needs a person, by instance. Any thread."""
        found = [one.stuck(now) for one in list(self._all.values()) if one.is_stuck]
        return sorted(found)

    @property
    def waits(self) -> str:
        """Why an errand rests that does not need a person; empty if none does. Any thread."""
        resting = [errand for _, _, errand in list(self._resting)]
        return next((one.reason for one in resting if not one.is_stuck), "")
