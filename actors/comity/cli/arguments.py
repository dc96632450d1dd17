"""The arguments and options that several commands share, read and checked."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, TypeAlias, cast

import typer

from comity.engine import AggregateId, Command, Decider, Event, Invalid

AnyDecider: TypeAlias = Decider[object, Command, Event]


def read_aggregate(text: str) -> AggregateId:
    """The aggregate that `board/sprint-42` names."""
    try:
        return AggregateId.parse(text)
    except Invalid as error:
        raise typer.BadParameter(str(error)) from None


def load_decider(text: str) -> AnyDecider:
    """The decider that `examples.board.domain:board` names; the current directory is looked in."""
    module_name, colon, name = text.partition(":")
    if not (module_name and colon and name) or module_name.startswith("."):
        msg = f"expected MODULE:NAME, such as examples.board.domain:board, got {text!r}"
        raise typer.BadParameter(msg)
    module = _import(module_name)
    found = module.get(name)
    if not isinstance(found, Decider):
        here = [key for key, value in module.items() if isinstance(value, Decider)]
        what = f"is a {type(found).__name__}" if name in module else "is not there"
        deciders = f"its deciders are {', '.join(here)}" if here else "it has no deciders"
        raise typer.BadParameter(f"{text} {what}; {deciders}")
    return cast("AnyDecider", found)


def _import(name: str) -> dict[str, object]:
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        return vars(import_module(name))
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            msg = f"there is no module {error.name}, neither here nor installed"
        else:
            msg = f"importing {name} raised {type(error).__name__}: {error}"
        raise typer.BadParameter(msg) from None


JournalPath = Annotated[
    Path, typer.Argument(metavar="PATH", help="The journal: a directory.", show_default=False)
]
Aggregate = Annotated[
    AggregateId,
    typer.Argument(
        metavar="TYPE/KEY",
        parser=read_aggregate,
        help="Which aggregate, such as board/sprint-42.",
        show_default=False,
    ),
]
DECIDER_HELP = "Where its decider is, such as examples.board.domain:board."
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
