"""The right to run a process, which one program has among all that have the journal open."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from comity.engine.errors import StorageFailed
from comity.engine.files.disk import disk_errors
from comity.engine.sharing.lease import BEAT, Lease
from comity.engine.sharing.lease_watch import LeaseWatch
from comity.engine.sharing.program import this_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from comity.actors.aggregates.services import Services

LEASES: Final = "leases"
"""The folder inside a journal's directory in which programs agree who runs a process."""

_log = logging.getLogger("comity")


class ProcessLease:
    """Whether this domain runs a process. The runner of the process looks, on its thread.

    Args:
        services: the domain's services.
        name: the name of the process.
        path: the lock file, in the folder of the journal; None if no other program can write it.
        wanted: whether this domain can run the process: it keeps its agenda up to date.
        wake: called when it may have lost the right.
    """

    def __init__(
        self,
        services: Services,
        name: str,
        path: Path | None,
        wanted: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        self._services = services
        self._name = name
        self._path = path
        self._wanted = wanted
        self._wake = wake
        self._watch = None if path is None else LeaseWatch(path, services.monotonic)
        self._lease: Lease | None = None
        self._complained = ""

    def held(self) -> bool:
        """Whether this domain runs the process now, by one cheap look. Any thread."""
        lease = self._lease
        return self._path is None or (lease is not None and lease.held())

    def look(self) -> bool:
        """Take the right if this domain wants it and nobody else has it; or give it back.

        Returns:
            Whether this domain has it.
        """
        watch, wanted = self._watch, self._wanted()
        if watch is None:
            return wanted
        if self._lease is not None and not (wanted and self._lease.held()):
            self.release()
            _log.warning("process %s runs here no more: %s", self._name, self._why(watch))
        if self._lease is None:
            self._try_to_take(watch, wanted=wanted)
        return self._lease is not None

    def _why(self, watch: LeaseWatch) -> str:
        if watch.free() or not watch.holder:
            return "another program may run it, since its agenda is not kept up to date here now"
        return f"this program did not go on for a while, and it runs in {watch.holder} now"

    def _try_to_take(self, watch: LeaseWatch, *, wanted: bool) -> None:
        assert self._path is not None
        try:
            with disk_errors(f"{self._path.parent} cannot be made"):
                self._path.parent.mkdir(mode=0o700, exist_ok=True)
            if (watch.free() or watch.hangs()) and wanted:
                self._lease = Lease.take(self._path, this_program(), over=watch)
        except StorageFailed as error:
            if str(error) != self._complained:
                _log.error("process %s cannot run here: %s", self._name, error)
            self._complained = str(error)
            return
        self._complained = ""
        if self._lease is not None:
            _log.info("process %s runs here", self._name)
            self._beat(self._lease)

    def _beat(self, lease: Lease) -> None:
        """Show that this program does not hang, as long as it has this lease."""
        if lease is not self._lease:
            return
        if lease.beat() and self._wanted():
            self._services.call_later(BEAT, partial(self._beat, lease))
        else:
            self._wake()  # it gives the right back

    @property
    def led_by(self) -> str:
        """The program that runs the process instead of this one, in words; empty without one."""
        return "" if self._watch is None or self.held() else self._watch.holder

    def release(self) -> None:
        """Let another program take it. Twice is harmless."""
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()

    def abandon(self) -> None:
        """In a forked child: leave it to the parent."""
        if self._lease is not None:
            self._lease.abandon()
