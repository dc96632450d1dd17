"""A lease: one program leads for each name, and another takes over when it dies or hangs.

Models, outlets and processes of a domain that several programs have open are led by one of them.

A lease alone cannot stop a program that hung and goes on. So each leader writes its epoch into the
store that it leads, when it begins, and compares it in each of its write transactions: see
`Lease.epoch`. A lease says who leads; the epoch in the store is what makes it safe.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from comity.engine.errors import StorageFailed
from comity.engine.files.disk import disk_errors
from comity.engine.runtime.system import Lock
from comity.engine.sharing import epochs
from comity.engine.sharing.epochs import MOST, Epochs

if TYPE_CHECKING:
    from comity.engine.sharing.lease_watch import LeaseWatch

BEAT: Final = 0.2
"""Seconds between two beats."""


class Lease:
    """The right to lead, until it is released, or until another program takes it over.

    Example:
        lease = Lease.take(folder / "writer.lock", this_program())
        if lease is not None:
            ...  # and call lease.beat() five times a second
            lease.release()
    """

    def __init__(self, files: Epochs, epoch: int, shared: int, file: int) -> None:
        """Use `take`."""
        self.epoch = epoch
        """Grows with each leader. A store's leader writes it there when it begins, unless a larger
        one is there; and each of its write transactions checks that it still is there."""
        self._files = files
        self._shared = shared
        self._file = file
        self._beats = 0
        self._lock = Lock()
        """Else a beat might be written into a file that got the number of a closed descriptor."""

    @classmethod
    def take(
        cls, path: Path, said: str, *, over: LeaseWatch | None = None, above: int = 0
    ) -> Self | None:
        """Take the lease if nobody has it, or if its leader hangs by this look.

        Args:
            path: the lock file; its folder exists.
            said: the text that names this program, for others; see `this_program`.
            over: the look of a standby, which may take over from a leader that hangs.
            above: the epoch that is in the store, so that this one is larger. It matters if the
                lock files were lost, or did not come with the store.

        Returns:
            None if another program leads, or is quicker.

        Raises:
            StorageFailed: the disk is full or failed, or this user may not write there.
        """
        files = Epochs(path)
        with disk_errors(f"{path} cannot be taken"):
            shared = epochs.share(path)
            if shared is None:
                return None
            try:
                epoch = _next(files, over, above)
                file = files.begin(epoch, said) if epoch else None
            except BaseException:
                os.close(shared)
                raise
            if file is None:
                os.close(shared)
                return None
            lease = cls(files, epoch, shared, file)
            files.sweep(epoch)
            epochs.tell(shared, said)
            return lease

    def held(self) -> bool:
        """Whether nobody has taken it over, by one look, which takes 1 µs."""
        with self._lock:
            return self._is_held()

    def beat(self) -> bool:
        """Show that this program does not hang; call it every `BEAT` seconds, from any thread.

        Returns:
            False if the lease was taken over or released: stop what it allowed, and release it.
        """
        with self._lock:
            try:
                if not self._is_held() or self._files.newest() != self.epoch:
                    return False
                self._beats += 1
                epochs.beat(self._file, self._beats)
            except OSError:  # the disk fails: whoever sees no beat takes over
                return self._file >= 0
            return True

    def release(self) -> None:
        """End it, so that a standby takes over at its next look. Twice is harmless."""
        with self._lock:
            for descriptor in self._let_go():
                with suppress(OSError):  # also if a forked child has inherited it
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.close(descriptor)

    def abandon(self) -> None:
        """In the child after a fork: leave the lease to the parent."""
        for descriptor in self._let_go():  # LOCK_UN would take it from the parent as well
            os.close(descriptor)

    def _is_held(self) -> bool:
        return self._file >= 0 and os.fstat(self._file).st_nlink > 0

    def _let_go(self) -> list[int]:
        descriptors = [self._file, self._shared]
        self._file = self._shared = -1
        return [one for one in descriptors if one >= 0]


def _next(files: Epochs, over: LeaseWatch | None, above: int) -> int:
    """The epoch that may begin now; 0 if another program leads."""
    newest = files.newest()
    if not (over is not None and over.hangs() and over.epoch == newest):
        try:
            if newest and epochs.is_locked(files.file(newest)):
                return 0
        except FileNotFoundError:  # another program has just removed it, and leads
            return 0
    if max(newest, above) >= MOST:
        raise StorageFailed(f"{files.file(newest)} is no file of comity's: remove it")
    return max(newest, above) + 1
