"""`comity contract`: what a domain promises to its stored data, to older programs and clients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from comity.cli.arguments import (
    AllDeciders,
    AsJson,
    ShownModel,
    ShownStrategies,
    deciders_among,
    load_model,
    load_strategies,
    processes_among,
)
from comity.cli.console import cell, show, show_json
from comity.cli.progress import ChangingLine
from comity.engine import Invalid, WiringError
from comity.evolution import ContractBroken, Difference, check_contract, write_contract

if TYPE_CHECKING:
    from comity.evolution.contract.making import Strategies

BROKEN: Final = 1

contract = typer.Typer(
    help="Write down what a domain promises to its stored data, or check that it is kept.",
    no_args_is_help=True,
)

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="The contract: a JSON file.", show_default=False)
]
Models = Annotated[
    list[ShownModel] | None,
    typer.Option(
        "--models",
        metavar="MODULE:CLASS",
        parser=load_model,
        help="A read model whose rows other programs read; may be repeated.",
        show_default=False,
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Forget an event, command, decider or process of which no journal has any; may be "
        "repeated.",
        show_default=False,
    ),
]
Strategies_ = Annotated[
    ShownStrategies | None,
    typer.Option(
        "--strategies",
        metavar="MODULE:NAME",
        parser=load_strategies,
        help="Strategies of Hypothesis by field, where validators accept few values.",
        show_default=False,
    ),
]


@contract.command()
def write(
    file: File,
    deciders: AllDeciders,
    *,
    models: Models = None,
    drop: Drop = None,
    strategies: Strategies_ = None,
    json: AsJson = False,
) -> None:
    """Write what today's classes promise; older promises to stored events are kept.

    Keep the file under version control. If today's classes could not read stored events, nothing is
    written.
    """
    try:
        with _SampleBar() as bar:
            written = write_contract(
                file,
                deciders_among(deciders),
                models or (),
                processes=processes_among(deciders),
                drop=drop or (),
                strategies=cast("Strategies", strategies or {}),
                progress=bar.show,
            )
    except (Invalid, WiringError) as error:
        raise typer.BadParameter(str(error)) from None
    except ContractBroken as error:
        if json:
            show_json({"written": False, "differences": _plain(error.differences)})
        else:
            _tell(error.differences, "breaks", "bold red")
            show(error.conclusion)
        raise typer.Exit(BROKEN) from None
    if json:
        show_json({"written": True, "differences": _plain(written.differences)})
        return
    _tell(written.broken, "accepted", "yellow")
    _tell(written.safe, "promised", "green")
    show(Text.assemble("the contract is in ", cell(file, "bold")))


@contract.command()
def check(
    file: File, deciders: AllDeciders, *, models: Models = None, json: AsJson = False
) -> None:
    """Check that today's classes keep the contract. For CI: it fails if a change breaks a promise.

    It reads the stored samples of all schema versions, and compares everything else that was
    promised. It needs no journal.
    """
    try:
        found = check_contract(
            file, deciders_among(deciders), models or (), processes=processes_among(deciders)
        )
    except (Invalid, WiringError) as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json({"kept": not found.broken, "differences": _plain(found.differences)})
    else:
        _tell(found.broken, "breaks", "bold red")
        _tell(found.safe, "safe", "green")
        _conclude(file, found.broken, found.safe)
    if found.broken:
        raise typer.Exit(BROKEN)


def _conclude(file: Path, broken: Sequence[Difference], safe: Sequence[Difference]) -> None:
    if broken:
        show(f"{file} is not kept: {len(broken)} of its promises would be broken")
    elif safe:
        show(f"{file} is kept; commit what is new, too: comity contract write {file} ...")
    else:
        show(f"{file} is kept, and nothing has changed")


def _tell(differences: Iterable[Difference], word: str, style: str) -> None:
    for one in differences:
        what = f"{word} {one.breaks}" if one.breaks else word
        show(Text.assemble(cell(what, style), "  ", cell(one.where, "bold")))
        show(Text.assemble("    ", cell(one.said)))
        if one.remedy:
            show(Text.assemble("    ", cell(one.remedy, "dim")))
        show("")


def _plain(differences: Iterable[Difference]) -> list[dict[str, object]]:
    return [asdict(one) for one in differences]


class _SampleBar(ChangingLine):
    """Shows how many messages have samples."""

    def __init__(self) -> None:
        super().__init__(TextColumn("making samples"), BarColumn())
        self._task = self._bar.add_task("", total=None)

    def show(self, done: int, total: int) -> None:
        """Show this progress; it takes a second or two, so that no lines are needed in a pipe."""
        self._bar.update(self._task, completed=done, total=total)
