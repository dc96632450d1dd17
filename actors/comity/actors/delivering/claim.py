"""Whether this program delivers through an outlet; if not, why not, and when it tries again."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from comity.actors.following.back_off import BackOff
from comity.engine.errors import (
    ComityError,
    Invalid,
    LedElsewhere,
    OutletAhead,
    OutletInUse,
    StorageFailed,
    WiringError,
    describe_error,
)
from comity.engine.sharing.lease_watch import LOOK

if TYPE_CHECKING:
    from collections.abc import Callable

    from comity.actors.delivering.ledger import Ledger
    from comity.engine.sharing.lease import Lease
    from comity.engine.sharing.lease_watch import LeaseWatch

PATIENCE: Final = 5.0
"""Seconds between two looks whether a person has decided how an outlet goes on."""

_log = logging.getLogger("comity")


class Claim:
    """The claim of one program to deliver through an outlet. The outlet's actor asks for it.

    Args:
        name: the outlet, for the log.
        open_ledger: opens the ledger to deliver.
        now: the monotonic clock.
        watch: looks who delivers; None if no other program can.
    """

    def __init__(
        self,
        name: str,
        open_ledger: Callable[[], Ledger],
        now: Callable[[], float],
        watch: LeaseWatch | None = None,
    ) -> None:
        self.lease: Lease | None = None
        """The right to deliver; None while this program does not, or if nobody else can."""
        self.standby = ""
        """The text that names the program that delivers instead; empty if there is none."""
        self.stopped = ""
        """Why it cannot deliver; empty if it can, or waits for another program."""
        self.left = ""
        """Why the outlet is left to other programs for a while; empty if it is not."""
        self.error = ""
        """Why the ledger cannot be opened now; it is tried again."""
        self._name = name
        self._open_ledger = open_ledger
        self._now = now
        self._watch = watch
        self._open_at = 0.0
        self._looks_again = False
        self._back_off = BackOff(0.2, 5.0)
        self._leaving = BackOff(1.0, 60.0)

    @property
    def why(self) -> str:
        """Why this program does not deliver."""
        return self.stopped or self.left or self.error or self.standby

    @property
    def rest(self) -> float:
        """Seconds until it is worth trying to open the ledger."""
        stays = self.stopped and not self._looks_again
        return math.inf if stays else max(0.0, self._open_at - self._now())

    def open(self, *, first: bool = False) -> Ledger | None:
        """Open the ledger to deliver, or find out why not.

        Raises:
            WiringError, Invalid: at first, a mistake of the outlet's class.
        """
        self._open_at = self._now() + LOOK
        try:
            ledger = self._open_ledger()
        except OutletInUse as error:
            if not self.standby:
                _log.info("%s: %s", self._name, error)
            self.standby = describe_error(error)
            self.stopped = self.left = self.error = ""
            return None
        except StorageFailed as error:
            self.failed(error)
            return None
        except OutletAhead as error:
            self._wait_for_a_person(error)
            return None
        except ComityError as error:
            if first and isinstance(error, WiringError | Invalid):
                raise
            self._looks_again = False
            self.stopped, self.standby = describe_error(error), ""
            _log.error("%s does not deliver: %s", self._name, error)
            return None
        if self.standby:
            _log.info("%s takes over", self._name)
        self.standby = self.error = self.left = self.stopped = ""
        self._back_off.well()
        self.lease = ledger.tables.lease
        return ledger

    @property
    def is_lost(self) -> bool:
        """Whether another program has taken over."""
        return self.lease is not None and not self.lease.held()

    def failed(self, error: BaseException) -> None:
        """Try again after a rest, because the ledger could not be opened or used."""
        said = describe_error(error)
        if said != self.error:
            _log.error("%s cannot open its ledger, and tries again: %s", self._name, said)
        self.lease = None
        self.error = said
        self.stopped = ""
        self._open_at = self._now() + self._back_off.failed(error)

    def stop(self, error: BaseException) -> None:
        """Try no more, because a person has to do something."""
        self.lease, self.stopped = None, describe_error(error)
        self._looks_again = False

    def _wait_for_a_person(self, error: OutletAhead) -> None:
        """Look now and then whether a person has decided, perhaps in another program."""
        said = describe_error(error)
        if self.stopped != said:
            _log.error("%s does not deliver: %s", self._name, said)
        self.stopped, self.standby, self._looks_again = said, "", True
        self._open_at = self._now() + PATIENCE

    def lose(self) -> None:
        """Stand by, because another program has taken over."""
        _log.warning("%s delivers no more: this program hung for a while", self._name)
        self.lease, self._open_at = None, 0.0

    def leave(self, error: BaseException) -> None:
        """Leave the outlet to other programs for a while: a newer one may read what fails here."""
        _log.warning("%s is left to other programs, which may read more", self._name)
        self.lease, self.left = None, describe_error(error)
        self._open_at = self._now() + self._leaving.failed(error)

    @property
    def led_by(self) -> str:
        """The program that delivers instead of this one, in words; empty if there is none."""
        if not self.standby:
            return ""
        return (self._watch.holder if self._watch else "") or "another program"

    def check(self) -> None:
        """Check that no other program delivers instead of this one.

        Raises:
            LedElsewhere: another one does; the text names it.
        """
        if self.standby:
            raise LedElsewhere(f"{self._name} delivers in {self.led_by}: ask for it there")
