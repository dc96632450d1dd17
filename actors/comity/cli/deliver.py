"""`comity deliver`: delivers a domain's events through outlets, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import TextColumn
from rich.text import Text

from comity.actors import Deliveries
from comity.cli.arguments import (
    FLAG,
    AsJson,
    JournalPath,
    ShownDecider,
    ShownOutlet,
    load_outlet,
    load_stream,
)
from comity.cli.console import cell, complain, show, show_aside, show_json
from comity.cli.ctrl_c import ended_by_signals
from comity.cli.opening import check_path
from comity.cli.outlets import LedgersFolder, known, state_of
from comity.cli.progress import ChangingLine
from comity.engine import WiringError

if TYPE_CHECKING:
    from comity.actors import OutletStatus

LOOK: Final = 0.2
"""Seconds between two looks at the outlets."""
STOPPED: Final = 1
"""The exit code if an outlet cannot go on."""

Outlets = Annotated[
    list[ShownOutlet],
    typer.Argument(
        metavar="OUTLET...",
        parser=load_outlet,
        help="The outlets, such as shop.outlets:mails: objects, or classes that are made without "
        "arguments.",
        show_default=False,
    ),
]
Deciders = Annotated[
    list[ShownDecider] | None,
    typer.Option(
        "--decider",
        metavar="MODULE:NAME",
        parser=load_stream,
        help="A decider of the outlets' events; by default one from the modules of these.",
        show_default=False,
    ),
]
Once = Annotated[
    bool,
    typer.Option(
        "--once", metavar=FLAG, help="End when each event is delivered, backs off or is parked."
    ),
]


def deliver(
    path: JournalPath,
    outlets: Outlets,
    *,
    decider: Deciders = None,
    ledgers: LedgersFolder = None,
    once: Once = False,
    json: AsJson = False,
) -> None:
    """Deliver the domain's events through outlets, until Ctrl-C or SIGTERM.

    The domain may be open in another program, or in none. One program at a time delivers through an
    outlet: this one waits while another one does, and takes over when that one ends or hangs.
    """
    check_path(path)
    with ended_by_signals() as stop:
        try:
            deliveries = Deliveries.open(path, outlets, deciders=decider, ledgers=ledgers)
        except WiringError as error:
            raise typer.BadParameter(str(error)) from None
        with deliveries, _Line(json=json) as line:
            found = deliveries.outlets()
            while not (stop.is_set() or all(map(_is_stopped, found))):
                line.show(found)
                if once and deliveries.are_settled():
                    break
                stop.wait(LOOK)
                found = deliveries.outlets()
            found = deliveries.outlets()
            line.show(found)
    _tell(found, json=json)
    if any(map(_is_stopped, found)):
        said = "; ".join(f"{one.name}: {one.error}" for one in found if _is_stopped(one))
        raise typer.Exit(complain(said, STOPPED))


def _is_stopped(one: OutletStatus) -> bool:
    return one.state == "stopped"


def _tell(found: Sequence[OutletStatus], *, json: bool) -> None:
    for one in found:
        if json:
            show_json(known(one))
        else:
            parked = f", {one.parked:,} parked" if one.parked else ""
            waiting = f", {one.waiting_events:,} wait" if one.waiting_events else ""
            many = f"{one.delivered:,} delivered{waiting}{parked}; position {one.position:,}"
            show(Text.assemble(cell(one.name, "bold"), f": {many}"))


class _Line(ChangingLine):
    """What the outlets are doing. It tells each change of state, and how far they are."""

    def __init__(self, *, json: bool) -> None:
        super().__init__(TextColumn("{task.fields[said]}"))
        self._task = self._bar.add_task("", total=None, said="")
        self._json = json
        self._states: dict[str, tuple[str, str]] = {}

    def show(self, found: Sequence[OutletStatus]) -> None:
        """Show the outlets."""
        due = not self.is_terminal and self.line_is_due()
        for one in found:
            state = one.state, one.error
            if due or self._states.get(one.name) != state:
                self._states[one.name] = state
                self._say(one)
        if self.is_terminal:
            said = "; ".join(f"{one.name}: {_so_far(one)}" for one in found)
            self._bar.update(self._task, said=said)

    def _say(self, one: OutletStatus) -> None:
        if self._json:
            show_json(known(one), aside=True)
        elif self.is_terminal:
            self._bar.console.print(Text.assemble(cell(one.name, "bold"), ": ", state_of(one)))
        else:
            show_aside(f"{one.name}: {state_of(one).plain}; {_so_far(one)}")


def _so_far(one: OutletStatus) -> str:
    return f"{one.delivered:,} delivered, position {one.position:,}"
