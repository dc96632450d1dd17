"""A standby's look at a lease: whether somebody leads, who, and whether that program hangs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from comity.engine.files.own_folder import read_file
from comity.engine.runtime.system import monotonic
from comity.engine.sharing.epochs import EpochFile, Epochs, is_locked

LOOK: Final = 0.1
"""Seconds between two looks."""
HANGS: Final = 0.6
"""Seconds without any beat after which a leader hangs. It beats every 0.2 s."""
_MOST: Final = 0.2
"""What the time between two looks counts for at most: a standby that was itself stopped must see
for a while that the beat does not move."""
ANOTHER: Final = "another program"


class LeaseWatch:
    """Looks at the lease of the lock file `path`, some 5 to 10 times a second, from one thread.

    Whether a leader hangs is judged by this program's clock alone.

    Args:
        path: the lock file.
        clock: seconds that never go back.

    Example:
        look = LeaseWatch(path)
        if look.free() or look.hangs():
            lease = Lease.take(path, said, over=look)
    """

    def __init__(self, path: Path, clock: Callable[[], float] = monotonic) -> None:
        self._epochs = Epochs(path)
        self._clock = clock
        self.epoch: int = 0
        """The epoch that was looked at last; 0 before there is any."""
        self.holder: str = ""
        """The text that names who leads, at the last look; empty if nobody does."""
        self._kept: EpochFile | None = None
        """The file of that epoch, while somebody leads."""
        self._beat: bytes = b""
        self._looked = clock()
        self._still: float = 0.0

    def free(self) -> bool:
        """Look; returns whether nobody leads. False, too, if the disk cannot tell."""
        now = self._clock()
        passed, self._looked = min(now - self._looked, _MOST), now
        try:
            return self._look(passed)
        except OSError:  # a file was removed meanwhile, or the disk fails
            return False

    def hangs(self) -> bool:
        """Whether the beat has not moved for `HANGS` seconds, by the looks of `free`."""
        return self._still >= HANGS

    def _look(self, passed: float) -> bool:
        kept = self._kept
        if kept is not None and not self.hangs():
            beat = kept.beat()
            if beat != self._beat:
                self._beat, self._still = beat, 0.0
                return False
            if kept.is_led():
                self._still += passed
                return False
        return self._look_closely(passed)

    def _look_closely(self, passed: float) -> bool:
        """Find the newest epoch, and whether a program leads alone."""
        path, epoch = self._epochs.path, self._epochs.newest()
        kept, self._kept = self._kept, None
        if path.exists() and is_locked(path):
            self._still = 0.0
            self.holder = _checked(read_file(path, 1_000).decode(errors="replace"))
            return False
        if kept is None or epoch != self.epoch:
            kept = EpochFile(self._epochs.file(epoch)) if epoch else None
        if kept is None or not kept.is_led():
            self._still, self.holder = 0.0, ""
            return True
        beat = kept.beat()
        self._still = self._still + passed if (epoch, beat) == (self.epoch, self._beat) else 0.0
        self.epoch, self._beat, self.holder, self._kept = epoch, beat, _checked(kept.said()), kept
        return False


def _checked(said: str) -> str:
    """The text that names a leader; any program may have written something else there."""
    said = said.strip()
    return said if said and said.isprintable() else ANOTHER
