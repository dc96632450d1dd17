"""How a domain ends: closed by its host, at exit, or left to the parent in a fork."""

from __future__ import annotations

import atexit
import logging
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from comity.actors.runtime.bounded import within
from comity.actors.runtime.engine_thread import Acting, is_engine_thread
from comity.actors.runtime.pending import Pending, settle
from comity.engine.arguments import check_seconds
from comity.engine.errors import Closed, Forked, OutcomeUnknown
from comity.engine.runtime.system import LONGEST, Lock

if TYPE_CHECKING:
    from comity.actors.assembly.assembly import Assembly

_log = logging.getLogger("comity")

_open: set[Closing] = set()
"""The domains that are to be closed at exit."""


class Closing:
    """Ends an assembly once, however often and from however many threads it is asked to."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._lock = Lock()
        self._now = assembly.runtime.monotonic
        self._ended: Pending[bool] = Pending("closing", assembly.runtime)
        _open.add(self)

    def close(self, timeout: float) -> None:
        """See `Domain.close`."""
        assembly = self._assembly
        if assembly.closed is Forked:
            return
        until = self._now() + check_seconds(timeout, "timeout")
        with self._lock:
            begun, assembly.closed = assembly.closed, Closed
        if is_engine_thread():
            if begun is None:
                assembly.runtime.start("comity-closing", partial(self._close, until))
        elif begun is None:
            self._close(until)
        else:
            with suppress(TimeoutError):
                self._ended.wait(max(0.0, until - self._now()))

    def abandon(self) -> None:
        """In a forked child, which has no threads: answer with errors, and release the lock."""
        assembly = self._assembly
        assembly.closed = Forked
        unknown = OutcomeUnknown("this process is a fork, and its parent has what becomes of this")
        for actor in assembly.live.all():
            actor.abandon(unknown)
        assembly.models.abandon()
        assembly.processes.abandon()
        assembly.outlets.abandon()
        assembly.journal.abandon()

    def kill(self) -> None:
        """End as a killed process does: answer nothing, write nothing, release files and locks.

        For simulations, in which several processes are parts of this one.
        """
        assembly = self._assembly
        assembly.closed = Closed
        _open.discard(self)
        assembly.sharing.end()
        assembly.processes.kill()
        assembly.models.kill()
        assembly.outlets.kill()

    def _close(self, until: float) -> None:
        """Take each step, even if another step fails, for example by Ctrl-C while it waits."""
        services = self._assembly.services
        interrupted: BaseException | None = None
        for step in (
            self._assembly.processes.stop, self._finish, self._end_following, services.timers.stop,
            self._answer_the_rest, services.executor.stop, services.committer.stop,
            self._assembly.outlets.close, self._assembly.processes.close,
            self._assembly.models.close, self._release,
        ):  # fmt: skip
            try:
                step(max(0.1, until - self._now()))
            except BaseException as error:
                _log.exception("closing was disturbed; it goes on")
                interrupted, until = error, 0.0
        _open.discard(self)
        settle([(self._ended, True)])
        if interrupted is not None:
            raise interrupted

    def _finish(self, timeout: float) -> None:
        """Wait until every accepted command has its answer."""
        live = self._assembly.live
        live.close()
        until = self._now() + timeout
        with suppress(TimeoutError):
            while owed := [pending for actor in live.all() for pending in actor.owed()]:
                for pending in owed:
                    pending.wait(max(0.0, until - self._now()))

    def _end_following(self, timeout: float) -> None:
        self._assembly.sharing.end()
        for subscription in self._assembly.subscriptions:
            subscription.close()
        self._assembly.bells.close()

    def _answer_the_rest(self, timeout: float) -> None:
        closed = Closed(
            "the domain was closed before this command was decided; nothing was changed"
        )
        unknown = OutcomeUnknown(
            "the domain was closed before this command was durable; send it again with the same id"
        )
        until = self._now() + timeout
        for actor in self._assembly.live.all():
            calm = not actor.busy
            with Acting(engine=True):  # observers are called and must not wait for the end here
                actor.end(closed, unknown)
            if calm and self._now() < until:
                snapshot = actor.snapshot()
                if snapshot is not None:
                    self._assembly.services.committer.keep(snapshot)

    def _release(self, timeout: float) -> None:
        """Close the journal within `timeout`, or later if the disk holds it up."""
        if not within(self._assembly.runtime, timeout, self._let_go):
            _log.error("the journal is held up by the disk: it is let go of later")

    def _let_go(self) -> None:
        self._assembly.services.committer.stop(LONGEST)
        self._assembly.journal.close()


def _after_fork_in_child() -> None:
    for closing in list(_open):
        closing.abandon()


def _close_all() -> None:
    for closing in list(_open):
        closing.close(timeout=5.0)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_close_all)
