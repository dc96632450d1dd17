"""`comity outlets`: what a domain's outlets have delivered and what waits, by their ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from comity.actors import OutletLedger, OutletStatus, Rejoined
from comity.actors.delivering.outlet_ledger import outlets_in
from comity.cli.arguments import AsJson, JournalPath
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.opening import opened
from comity.cli.sharers import leader
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


Rejoin = Annotated[
    str | None,
    typer.Option(
        "--rejoin",
        metavar="OUTLET",
        help="Let this outlet deliver what is new in a journal that was restored from a backup.",
        show_default=False,
    ),
]
Skip = Annotated[
    str | None,
    typer.Option(
        "--skip",
        metavar="OUTLET",
        help="The same, and skip what the journal has by now, except what waits or is parked.",
        show_default=False,
    ),
]


def outlets(
    path: JournalPath,
    *,
    rejoin: Rejoin = None,
    skip: Skip = None,
    ledgers: LedgersFolder = None,
    json: AsJson = False,
) -> None:
    """Show each outlet's state, position, lag, the oldest event that waits, and what is parked.

    Works without the program's classes, beside a program that delivers and without one. JSON has
    one object per line.

    After a restore from a backup, an outlet may have delivered what the journal lacks. Then it
    stops until you say with --rejoin or --skip how it goes on.
    """
    if rejoin and skip:
        raise typer.BadParameter("--rejoin and --skip: say one of them at a time")
    with opened(path):  # raises NotAJournal if there is no journal
        names = outlets_in(path, ledgers)
    if name := rejoin or skip:
        with OutletLedger.open(path, name, ledgers=ledgers) as ledger:
            done = ledger.skip_to_end() if skip else ledger.rejoin()
        _tell_rejoined(name, done, json=json)
        return
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


def _tell_rejoined(name: str, done: Rejoined, *, json: bool) -> None:
    if json:
        show_json({"name": name, **done._asdict()})
        return
    said = Text.assemble(cell(name, "bold"), f" goes on after position {done.position:,}")
    if done.dropped:
        said.append(f"; {done.dropped:,} events that waited are dropped: the journal lacks them")
    if done.skipped:
        said.append(f"; up to {done.skipped:,} events are skipped")
    show(said)


def known(one: OutletStatus) -> dict[str, object]:
    """The fields of a status that the ledger has."""
    told = asdict(one)
    del told["in_flight"], told["failed"]  # only the program that delivers knows them
    return told


_HEADS: Final = ("OUTLET", "POSITION", "DELIVERED", "WAITING", "PARKED", "LEADER", "STATE")


def _rows(found: Sequence[OutletStatus]) -> Iterator[Sequence[Text]]:
    yield [cell(head, "dim") for head in _HEADS]
    for one in found:
        yield (
            cell(one.name, "bold"),
            number(one.position),
            number(one.delivered),
            number(one.waiting_events),
            number(one.parked),
            leader(one.led_by),
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
        _again(one),
    ):
        if more:
            said.append(f"; {more}")
    return said


def _keys(many: int, one: str, several: str) -> str:
    return f"{many:,} key{'' if many == 1 else 's'} {one if many == 1 else several}" if many else ""


def _again(one: OutletStatus) -> str:
    return f"up to {one.again:,} came twice after a restore" if one.again else ""


def _breaker(one: OutletStatus) -> str:
    if one.breaker == "closed":
        return ""
    if one.state == "stopped":
        return "most deliveries failed"  # who delivers next looks again
    rest = f" for {away(one.rests_until)} more" if one.rests_until else ""
    return f"most deliveries failed: the breaker is {one.breaker}{rest}"
