"""A small histogram of latencies, which can be added to another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_PER_DOUBLING: Final = 16
"""The number of buckets, each 4 % wider than the one before."""


@dataclass
class Latency:
    """Counts by bucket; a bucket is a range of seconds."""

    counts: Counter[int] = field(default_factory=Counter[int])
    longest: float = 0.0

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """A histogram of single times."""
        made = cls()
        log2 = math.log2
        for one in seconds:
            made.counts[int(_PER_DOUBLING * log2(one * 1e9 + 1))] += 1
        made.longest = max(seconds, default=0.0)
        return made

    def add(self, other: Latency) -> None:
        """Add another histogram's counts."""
        self.counts.update(other.counts)
        self.longest = max(self.longest, other.longest)

    @property
    def count(self) -> int:
        """The number of answers."""
        return sum(self.counts.values())

    def quantile(self, share: float) -> float:
        """The latency in seconds of this share of the answers, within 4 %."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(self.longest, _seconds(bucket + 0.5))
        return self.longest

    def as_json(self) -> dict[str, object]:
        """The value as JSON."""
        counts = {str(bucket): count for bucket, count in sorted(self.counts.items())}
        return {"counts": counts, "longest": self.longest}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Latency:
        """Read the result of `as_json`."""
        counts, longest = data["counts"], data["longest"]
        return cls(Counter({int(bucket): count for bucket, count in counts.items()}), longest)


def _seconds(bucket: float) -> float:
    return (2 ** (bucket / _PER_DOUBLING) - 1) / 1e9
