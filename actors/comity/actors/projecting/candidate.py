"""One process among those that may lead a model: where it would lead, and whether it may now.

Each version of a model has a lease and generations of its own, so that programs of two versions do
not fight. The first version has the model's folder, another one that begins meanwhile has a folder
beside its generations. When nobody leads the first version any more, the other one moves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.engine.errors import StorageFailed
from comity.readmodels.generations.versions import Versions

if TYPE_CHECKING:
    from comity.engine.sharing.lease import Lease
    from comity.engine.sharing.lease_watch import LeaseWatch
    from comity.readmodels.generations.model_folder import ModelFolder

CHOOSE: Final = 0.5
"""Seconds between two looks at the version of the model's folder."""
MOVE: Final = 1.0
"""Seconds that the model's folder must have no leader before another version moves into it: ten
looks of a standby of the first version, which goes on there."""
SWEEP: Final = 5.0
"""Seconds that another version must have no leader before its folder is removed."""
_MOST: Final = 60.0
"""Seconds that a process waits at most before it leads again what it could not lead."""


class Candidate:
    """Looks at the leases of one model, for one process. Use it from one thread.

    Args:
        version: the hash of the model's class.
        folder: the model's folder.
        clock: seconds that never go back.
    """

    def __init__(self, version: str, folder: ModelFolder, clock: Callable[[], float]) -> None:
        self.home = folder
        """The folder of this version."""
        self._version = version
        self._folder = folder
        self._versions = Versions(folder)
        self._beside = self._versions.of(version)
        self._clock = clock
        self._look = folder.look()
        self._free = _Free(folder.look(), clock)
        """For how long nobody has led in the model's folder."""
        self._others: dict[Path, _Free] = {}
        self._choose_at = 0.0
        self._led_until = 0.0
        """When it was led last, as the looks have found."""
        self._rest = 0.0
        """Seconds without a leader after which this process leads; more after it has failed."""
        self._rested = -_MOST

    @property
    def led_by(self) -> str:
        """The process that leads, in words, as the last look has found."""
        return self._look.holder or "another process"

    @property
    def hangs(self) -> bool:
        """Whether that process hangs, as the last looks have found."""
        return self._look.hangs()

    def first_lease(self) -> Lease | None:
        """The lease when the domain opens; None if another process leads this version.

        Raises:
            StorageFailed: the disk is full or failed, or this user may not write here.
        """
        if not self._beside.is_led():  # else that leader moves
            lease = self._folder.lease()
            if lease is not None:
                return self._first(lease)
        self._choose()
        self._look.free()  # who leads?
        return None if self.home is self._folder else self._lease_beside()

    def may_take(self) -> bool:
        """Look at the lease; returns whether nobody leads this version now, or its leader hangs."""
        now = self._clock()
        if now >= self._choose_at:
            self._choose_at = now + CHOOSE
            self._choose()
            self.home.make()  # it may have been removed
        if not (self._look.free() or self._look.hangs()):
            self._led_until = now
            return False
        return now - self._led_until >= self._rest

    def take(self) -> Lease | None:
        """The lease, after `may_take`; None if another process is quicker.

        Raises:
            StorageFailed: the disk is full or failed, or this user may not write here.
        """
        lease = self.home.lease(self._look)
        return self._first(lease) if lease and self.home is self._folder else lease

    def move(self) -> Lease | None:
        """The lease of the model's folder, for the leader of another version: when it is free.

        Raises:
            StorageFailed: the disk is full, or failed.
        """
        if self.home is self._folder or self._free.seconds() < MOVE:
            return None
        lease = self._folder.lease()
        return None if lease is None else self._noted(lease)

    def is_superseded(self) -> bool:
        """Whether another process leads the same version in the model's folder."""
        if self.home is self._folder or self._versions.led() != self._version:
            return False
        return self._folder.is_led()

    def moved(self) -> None:
        """Leave the folder beside, whose lease this process still has, for the model's folder."""
        self._use(self._folder)
        self._versions.remove(self._beside)

    def sweep(self) -> None:
        """Remove the folders of versions that nobody leads any more, as the leader of the first."""
        for other in self._versions.others():
            free = self._others.setdefault(other.path, _Free(other.look(), self._clock))
            if free.seconds() >= SWEEP and self._versions.sweep(other):
                del self._others[other.path]

    def stand_back(self) -> None:
        """Leave it to others for a while, since this process failed; longer if it fails again."""
        now = self._clock()
        again = now - self._rested < 2 * _MOST
        self._rest = min(_MOST, 2 * self._rest) if again else MOVE
        self._rested = self._led_until = now
        self._look = self.home.look()

    def stand_by(self) -> None:
        """Look again who leads, because another process has taken over."""
        self._look = self.home.look()
        self._look.free()

    def _choose(self) -> None:
        version = self._versions.led()
        home = self._folder if version in {"", self._version} else self._beside
        if home is not self.home:
            self._use(home)

    def _use(self, home: ModelFolder) -> None:
        self.home, self._look = home, home.look()

    def _lease_beside(self) -> Lease | None:
        try:
            self._beside.make()
            return self._beside.lease()
        except StorageFailed:
            if self._beside.path.exists():
                raise
            return None  # it is being removed: the next look makes it again

    def _first(self, lease: Lease) -> Lease:
        """The lease of the model's folder, with which the folder beside it is not needed."""
        self._use(self._folder)
        if self._beside.path.exists():
            self._versions.sweep(self._beside)
        return self._noted(lease)

    def _noted(self, lease: Lease) -> Lease:
        try:
            self._versions.note(self._version)
        except BaseException:
            lease.release()
            raise
        return lease


class _Free:
    """Measures for how long nobody has led, by looks at a lease."""

    def __init__(self, look: LeaseWatch, clock: Callable[[], float]) -> None:
        self._look = look
        self._clock = clock
        self._since: float | None = None

    def seconds(self) -> float:
        """Look; returns for how many seconds every look has found it free, 0 if it is not free."""
        if not self._look.free():
            self._since = None
            return 0.0
        now = self._clock()
        self._since = now if self._since is None else self._since
        return now - self._since
