"""An outlet's ledger, looked at and changed without the outlet: for the command line.

It needs no classes, and neither deliver nor read events' data.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, cast

from comity.actors.delivering.forms import PARKED, WAITING
from comity.actors.delivering.ledger import Ledger
from comity.actors.delivering.lmdb_tables import LOCK, LmdbTables, is_there
from comity.actors.delivering.opening import check_fits, ledgers_folder
from comity.actors.delivering.options import NAME
from comity.actors.delivering.outlet_status import OutletState, OutletStatus
from comity.actors.delivering.parked_list import parked_in, parked_or_none
from comity.actors.delivering.rejoining import Rejoined, rejoin, skip_to_end, why_again
from comity.engine.arguments import check_path, check_whole
from comity.engine.errors import ComityError, OutletError, WiringError
from comity.engine.files.own_folder import OwnFolder
from comity.engine.journal.opener import Place, opener_of
from comity.engine.messages.moment import moment
from comity.engine.runtime.clock import Clock
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.engine.sharing.lease_watch import LeaseWatch
from comity.readmodels.projecting.lag import lag_of

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.delivering.breaker import BreakerState
    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.parked_delivery import ParkedDelivery
    from comity.engine.journal.journal import Journal

IDLE: Final = "no program delivers through it now"

_ANY: Final = re.compile(NAME)


def outlets_in(place: Place, ledgers: str | os.PathLike[str] | None = None) -> list[str]:
    """The names of the outlets that have a ledger beside a journal.

    Args:
        place: the path that the domain is opened with.
        ledgers: the folder of the ledgers, unless it is the default.
    """
    folder = _folder(place, ledgers)
    return sorted(name for name in OwnFolder(folder, _ANY).folders(_ANY) if is_there(folder / name))


class OutletLedger:
    """The ledger of one outlet, to look at it, and to change what is parked.

    Looking is possible while a program delivers. To change it, no program may deliver: in the one
    that does, use `domain.outlet(...)`.

    Example:
        with OutletLedger.open("team.db", "Mails") as mails:
            print(mails.status())
    """

    def __init__(self, path: Path, journal: Journal, clock: Clock) -> None:
        self.path = path
        self._journal = journal
        self._clock = clock

    @classmethod
    def open(
        cls,
        place: Place,
        name: str,
        *,
        ledgers: str | os.PathLike[str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """Open the ledger of an outlet.

        Args:
            place: the path that the domain is opened with.
            name: the outlet's name, as it is stored.
            ledgers: the folder of the ledgers, unless it is the default.
            clock: the time.

        Raises:
            OutletError: there is no such ledger; the text names those that are there.
            JournalError: the journal cannot be opened.
        """
        folder = _folder(place, ledgers)
        if not (NAME.fullmatch(name) and is_there(folder / name)):
            known = ", ".join(outlets_in(place, ledgers)) or "none"
            raise OutletError(f"there is no ledger of an outlet {name!r} in {folder} ({known})")
        return cls(folder / name, opener_of(place).open(read_only=True), clock)

    def status(self) -> OutletStatus:
        """The outlet's status, as the program that delivers has written it down last.

        What is under way, and how many deliveries have failed, is not written down: both are 0.
        """
        with closing(LmdbTables(self.path, read_only=True)) as tables:
            ledger = Ledger(tables)
            progress, live, oldest = ledger.progress, ledger.live, ledger.oldest()
            idle = self._why_idle(ledger)
        now, error = self._clock.now(), live.error
        lost = self._journal.lineage().lost(progress.branch, progress.position) or 0
        here = progress.position - lost  # what was restored from a backup has other events after it
        lag = lag_of(self._journal, here, now)
        state = cast("OutletState", live.state)
        look = LeaseWatch(self.path / LOCK)
        look.free()
        if not look.holder:
            state, error = "stopped", idle
        elif state == "following" and lag.events:
            state = "catching up"
        if oldest is None and lag.events:
            record = next(self._journal.read_all(here), None)
            oldest = None if record is None else record.time
        breaker = cast("BreakerState", live.breaker)
        if breaker == "open" and live.rests_until <= now:
            breaker = "probing"
        return OutletStatus(
            name=ledger.origin.outlet, state=state, position=progress.position,
            lag_events=lag.events, lag_seconds=lag.seconds,
            oldest=None if oldest is None else moment(oldest),
            in_flight=0, waiting=progress.waiting_keys, waiting_events=progress.waiting,
            parked=progress.parked, parked_keys=progress.parked_keys,
            delivered=progress.delivered, failed=0, given_up=progress.given_up, breaker=breaker,
            rests_until=moment(live.rests_until) if breaker == "open" else None,
            error=error, start=ledger.origin.start, led_by=look.holder, again=progress.again,
        )  # fmt: skip

    def parked(
        self, key: str | None = None, *, limit: int = 1_000, after: ParkedDelivery | None = None
    ) -> list[ParkedDelivery]:
        """The parked events; see `Deliverer.parked`."""
        check_whole(limit, "limit", 1)
        with closing(LmdbTables(self.path, read_only=True)) as tables:
            return list(islice(parked_in(Ledger(tables), self._journal, key, after), limit))

    def try_again(self, key: str | None = None) -> int:
        """Let parked events wait, with new tries, for the next program that delivers.

        Returns how many events are no longer parked.

        Raises:
            OutletInUse: a program delivers; the text names it.
        """
        return self._change(key, self._let_wait)

    def give_up(self, key: str, position: int | None = None) -> int:
        """Give up the parked events of a key, or one of them; see `Deliverer.give_up`.

        Raises:
            OutletInUse: a program delivers; the text names it.
        """
        if position is not None:
            check_whole(position, "position", 1)
        return self._change(key, lambda ledger, lane: ledger.give_up(lane, position))

    def give_up_all(self) -> int:
        """Give up all parked events; returns how many."""
        return self._change(None, lambda ledger, lane: ledger.give_up(lane, None))

    def rejoin(self) -> Rejoined:
        """Let the outlet go on in a journal that was restored from a backup.

        It delivers what the journal has after the end of the backup; what the ledger knows of later
        events, which the journal lacks, is dropped.

        Raises:
            OutletInUse: a program delivers; the text names it.
            OutletError: the journal was not restored since the outlet has delivered, or it is
                another journal.
        """
        with closing(LmdbTables(self.path)) as tables:
            return rejoin(Ledger(tables), self._journal)

    def skip_to_end(self) -> Rejoined:
        """As `rejoin`, but skip also what the journal has by now, except what waits or is parked.

        Raises:
            OutletInUse, OutletError: as `rejoin`.
        """
        with closing(LmdbTables(self.path)) as tables:
            return skip_to_end(Ledger(tables), self._journal)

    def close(self) -> None:
        """Close the journal. Closing twice is harmless."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _why_idle(self, ledger: Ledger) -> str:
        try:
            check_fits(ledger, self._journal)
        except ComityError as error:
            return str(error)
        again = why_again(ledger, self._journal.lineage())
        return f"{IDLE}; {again}" if again else IDLE

    def _let_wait(self, ledger: Ledger, lane: Lane) -> int:
        lane.tries = lane.attempts = lane.since = 0
        lane.due = self._clock.now()
        ledger.change(lane, WAITING)
        return lane.size

    def _change(self, key: str | None, change: Callable[[Ledger, Lane], int]) -> int:
        """Change one parked key or all, and write it down; returns the sum."""
        total = 0
        with closing(LmdbTables(self.path)) as tables:
            ledger = Ledger(tables)
            one = None if key is None else parked_or_none(ledger.lane_of(key))
            for lane in ledger.parked_lanes() if key is None else filter(None, [one]):
                while lane.state == PARKED and lane.size and (count := change(ledger, lane)):
                    total += count
                    if ledger.is_full:
                        ledger.write(ledger.progress)
            ledger.write(ledger.progress)
        return total


def _folder(place: Place, ledgers: str | os.PathLike[str] | None) -> Path:
    told = None if ledgers is None else check_path(ledgers, "ledgers")
    path = opener_of(place).path
    if told is not None:
        return told
    if path is None:
        msg = "this journal has no folder of its own: pass ledgers=, the folder of the ledgers"
        raise WiringError(msg)
    return ledgers_folder(path, None)
