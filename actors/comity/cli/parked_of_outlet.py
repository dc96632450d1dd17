"""The parked events of an outlet: shown, tried again or given up. `comity parked` uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from rich.text import Text

from comity.actors import OutletLedger
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.opening import check_path
from comity.engine import Invalid, OutletInUse

if TYPE_CHECKING:
    from comity.actors import ParkedDelivery

T = TypeVar("T")

PAGE: Final = 1_000
"""Events that are read and aligned at once."""


class OutletParking:
    """The parked events of one outlet.

    Args:
        path: the journal.
        name: the outlet's name.
        ledgers: the folder of the ledgers, if it is not the default.
    """

    def __init__(self, path: Path, name: str, ledgers: Path | None) -> None:
        check_path(path)
        self._path = path
        self._ledgers = ledgers
        self.name = name

    def list(self, *, json: bool) -> None:
        """Print the parked events."""
        with self._opened() as ledger:
            page = ledger.parked(limit=PAGE)
            if not page and not json:
                show(f"{self.name} has no parked events")
            while page:
                if json:
                    for one in page:
                        show_json(_as_json(one))
                else:
                    show_columns(_rows(page), right=[0])
                page = ledger.parked(limit=PAGE, after=page[-1])

    def try_again(self, key: str | None) -> int:
        """Let the parked events of a key, or of all, be tried by the program that delivers next."""
        with self._opened() as ledger:
            return self._changed(key, "try_again", lambda: ledger.try_again(key))

    def give_up(self, key: str | None, position: int | None) -> int:
        """Give up the parked events of a key, the one at a position, or all."""
        with self._opened() as ledger:
            if key is None:
                return self._changed(key, "give_up_all", ledger.give_up_all)
            return self._changed(key, "give_up", lambda: ledger.give_up(key, position))

    def _opened(self) -> OutletLedger:
        return OutletLedger.open(self._path, self.name, ledgers=self._ledgers)

    def _changed(self, key: str | None, what: str, change: Callable[[], int]) -> int:
        try:
            changed = change()
        except OutletInUse as error:
            told = f"domain.outlet({self.name}).{what}(...)"
            msg = f"a program delivers through {self.name}: call {told} there, or end it first"
            who = str(error).partition(": close it there")[0]  # the rest is for who would wait
            raise OutletInUse(f"{msg} ({who})") from None
        if key is not None and not changed:
            raise Invalid(f"{self.name} has no such parked events of the key {key!r:.100}")
        return changed


def _as_json(one: ParkedDelivery) -> dict[str, object]:
    aggregate = None if one.aggregate is None else str(one.aggregate)
    return {**one._asdict(), "aggregate": aggregate}


_HEADS: Final = ("POSITION", "KEY", "EVENT", "AGGREGATE", "WHO", "WHY")


def _rows(found: Sequence[ParkedDelivery]) -> Iterator[Sequence[Text]]:
    yield [cell(head, "dim") for head in _HEADS]
    for one in found:
        at = "–" if one.aggregate is None else f"{one.aggregate}@{one.version}"
        why = cell("waits for an earlier event", "dim")
        if one.error:
            why = cell(f"{one.error} ({one.tries:,} tries)")
        yield (
            cell(f"{one.position:,}", "cyan"),
            cell(one.key, "bold"),
            cell(one.event or "–"),
            cell(at),
            cell(one.who or "–"),
            why,
        )
