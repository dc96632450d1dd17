"""`comity parked`: the events on which a read model or an outlet failed; again, or no more."""

from __future__ import annotations

from typing import Annotated

import typer

from comity.cli.arguments import (
    FLAG,
    AsJson,
    DeciderNames,
    JournalPath,
    ModelsFolder,
    Parking,
    load_parking,
)
from comity.cli.console import complain, show, show_json
from comity.cli.outlets import LedgersFolder
from comity.cli.parked_of_model import ModelParking
from comity.cli.parked_of_outlet import OutletParking

parked = typer.Typer(
    help="Show the events that a read model or an outlet has parked, replay them, or drop them.",
    no_args_is_help=True,
)

Source = Annotated[
    Parking,
    typer.Argument(
        metavar="MODEL|OUTLET",
        parser=load_parking,
        help="A read model, such as examples.board.read_models:Cards; or an outlet, such as "
        "shop.outlets:Mails, of which the name Mails is enough.",
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Argument(
        metavar="TYPE/KEY|KEY",
        help="Only events of this aggregate, of an outlet of this key; by default of all.",
        show_default=False,
    ),
]
OneKey = Annotated[
    str | None,
    typer.Argument(
        metavar="TYPE/KEY|KEY",
        help="Events of this aggregate, of an outlet of this key.",
        show_default=False,
    ),
]


@parked.command("list")
def list_(
    path: JournalPath,
    source: Source,
    *,
    models: ModelsFolder = None,
    ledgers: LedgersFolder = None,
    json: AsJson = False,
) -> None:
    """Show the parked events, in the order of the journal; of an outlet, key by key.

    JSON has one object per line.
    """
    if isinstance(source, str):
        OutletParking(path, source, ledgers).list(json=json)
    else:
        ModelParking(path, source, models).list(json=json)


@parked.command()
def replay(
    path: JournalPath,
    source: Source,
    key: Key = None,
    *,
    decider: DeciderNames = None,
    models: ModelsFolder = None,
    ledgers: LedgersFolder = None,
    json: AsJson = False,
) -> None:
    """Apply parked events again, after `project` or the service was fixed.

    The model must not be open in a domain, and no program may deliver through the outlet. Events
    that still fail stay parked. Those of an outlet are tried by the next program that delivers.
    """
    if isinstance(source, str):
        many = OutletParking(path, source, ledgers).try_again(key)
        if json:
            show_json({"tried_again": many})
        else:
            who = "the next program that delivers tries them again"
            show(f"{source}: {many:,} events are not parked any more: {who}")
        return
    taken, failed = ModelParking(path, source, models).replay(key, decider)
    if json:
        show_json({"taken": taken, "failed": failed})
    else:
        show(f"{source.__name__}: {taken:,} parked events were applied")
    if failed:
        said = "; ".join(f"{one}: {why}" for one, why in failed.items())
        raise typer.Exit(complain(f"these events still fail and stay parked: {said}", 1))


@parked.command()
def drop(
    path: JournalPath,
    source: Source,
    key: OneKey = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", metavar=FLAG, help="All parked events, instead of a key's.")
    ] = False,
    position: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Of an outlet: only the key's event at this position of the journal.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            metavar=FLAG,
            help="Confirm: a model's events are gone until it is rebuilt, an outlet's for good.",
        ),
    ] = False,
    models: ModelsFolder = None,
    ledgers: LedgersFolder = None,
    json: AsJson = False,
) -> None:
    """Drop parked events. Those of an outlet are never delivered.

    Only a rebuild of a model brings its events back. The model must not be open in a domain, and no
    program may deliver through the outlet.
    """
    _check_key(key, position, every=every)
    whose = "" if key is None else f" of {key}"
    if not yes:
        what = "never be delivered" if isinstance(source, str) else _UNTIL
        msg = f"the parked events{whose} would {what}: add --yes to confirm"
        raise typer.BadParameter(msg)
    if isinstance(source, str):
        dropped = OutletParking(path, source, ledgers).give_up(key, position)
    elif position is not None:
        msg = "--position: a model drops all parked events of an aggregate"
        raise typer.BadParameter(msg)
    else:
        dropped = ModelParking(path, source, models).drop(key)
    name = source if isinstance(source, str) else source.__name__
    if json:
        show_json({"dropped": dropped})
    else:
        show(f"{name}: {dropped:,} parked events{whose} were dropped")


_UNTIL = "be dropped until the model is rebuilt"


def _check_key(key: str | None, position: int | None, *, every: bool) -> None:
    if (key is None) != every:
        raise typer.BadParameter("name a key, or --all for all parked events")
    if position is not None and key is None:
        raise typer.BadParameter("--position: name the key of the event, too")
