"""`comity outlets`: what a domain's outlets have delivered and what waits, by their ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from comity.actors import OutletLedger, OutletStatus
from comity.actors.delivering.outlet_ledger import outlets_in
from comity.cli.arguments import AsJson, JournalPath
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.opening import opened
from comity.cli.standing import away, lag, number

if TYPE_CHECKING:
    from comity.actors.delivering.outlet_status import OutletState

STYLES: Final[Mapping[OutletState, str]] = {
    "following": "green",
    "catching up": "yellow",
    "resting": "bold red",
    "standby": "yellow",
    "paused": "yellow",
    "waiting": "yellow",
    "stopped": "bold red",
}
LedgersFolder = Annotated[
    Path | None,
    typer.Option(
        "--ledgers",
        metavar="FOLDER",
        help="The folder of the outlets' ledgers, if it is not inside the journal.",
        show_default=False,
    ),
]


def outlets(path: JournalPath, *, ledgers: LedgersFolder = None, json: AsJson = False) -> None:
    """Show each outlet's state, position, lag, the oldest event that waits, and what is parked.

    Works without the program's classes, beside a program that delivers and without one. JSON has
    one object per line.
    """
    with opened(path):  # raises NotAJournal if there is no journal
        names = outlets_in(path, ledgers)
    found: list[OutletStatus] = []
    for name in names:
        with OutletLedger.open(path, name, ledgers=ledgers) as ledger:
            found.append(ledger.status())
    if json:
        for one in found:
            show_json(known(one))
    elif found:
        show_columns(_rows(found), right=[1, 2, 3, 4])
    else:
        show("there are no outlets: open the domain with outlets=[...], or run comity deliver")


def known(one: OutletStatus) -> dict[str, object]:
    """The fields of a status that the ledger has."""
    told = asdict(one)
    del told["in_flight"], told["failed"]  # only the program that delivers knows them
    return told


_HEADS: Final = ("OUTLET", "POSITION", "DELIVERED", "WAITING", "PARKED", "STATE")


def _rows(found: Sequence[OutletStatus]) -> Iterator[Sequence[Text]]:
    yield [cell(head, "dim") for head in _HEADS]
    for one in found:
        yield (
            cell(one.name, "bold"),
            number(one.position),
            number(one.delivered),
            number(one.waiting_events),
            number(one.parked),
            state_of(one),
        )


def state_of(one: OutletStatus) -> Text:
    """The state of an outlet in words, with why it does not go on."""
    said = Text.assemble(cell(one.state, STYLES[one.state]))
    if one.error:
        said.append_text(cell(f": {one.error}"))
    for more in (
        lag(one.lag_events, one.lag_seconds),
        f"the oldest waits for {away(one.oldest)}" if one.oldest else "",
        _keys(one.waiting, "backs off", "back off"),
        _keys(one.parked_keys, "is parked", "are parked"),
        _breaker(one),
    ):
        if more:
            said.append(f"; {more}")
    return said


def _keys(many: int, one: str, several: str) -> str:
    return f"{many:,} key{'' if many == 1 else 's'} {one if many == 1 else several}" if many else ""


def _breaker(one: OutletStatus) -> str:
    if one.breaker == "closed":
        return ""
    if one.state == "stopped":
        return "most deliveries failed"  # who delivers next looks again
    rest = f" for {away(one.rests_until)} more" if one.rests_until else ""
    return f"most deliveries failed: the breaker is {one.breaker}{rest}"
