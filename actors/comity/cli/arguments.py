"""Arguments and options that several commands share, and how they are parsed and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import typer

from comity.actors.delivering.any_outlet import AnyOutlet
from comity.engine import AggregateId, Command, Decider, Event, Invalid, Process
from comity.engine.processes.process import AnyProcess
from comity.readmodels.tables.read_model import AnyReadModel, is_read_model

AnyDecider: TypeAlias = Decider[object, Command, Event]

FLAG = ""
"""The metavar of an option without a value; else help shows `<bool>` behind it."""


def read_aggregate(text: str) -> AggregateId:
    """Parse the name of an aggregate, such as `board/sprint-42`."""
    try:
        return AggregateId.parse(text)
    except Invalid as error:
        raise typer.BadParameter(str(error)) from None


def load_decider(text: str) -> AnyDecider:
    """Import a decider, such as `examples.board.domain:board`, also from the current directory."""
    found = _load(
        text, "examples.board.domain:board", "decider", lambda one: isinstance(one, Decider)
    )
    return cast("AnyDecider", found)


def load_stream(text: str) -> AnyDecider:
    """Import what reads an aggregate: its decider, or the process whose instance it is."""
    found = load_wired(text)
    return cast("AnyDecider", found.decider if isinstance(found, Process) else found)


def load_wired(text: str) -> AnyDecider | AnyProcess:
    """Import a decider or a process, for commands that take all of a program's."""
    found = _load(text, "examples.board.domain:board", "decider", _has_streams)
    return cast("AnyDecider | AnyProcess", found)


def load_classes(text: str) -> AnyDecider | AnyProcess | type[AnyReadModel]:
    """Import a decider, a process or a read model."""
    found = _load(
        text, "examples.board.domain:board", "decider, process or read model",
        lambda one: _has_streams(one) or is_read_model(one),
    )  # fmt: skip
    return cast("AnyDecider | AnyProcess | type[AnyReadModel]", found)


def load_outlet(text: str) -> AnyOutlet:
    """Import an outlet, such as `shop.outlets:mails`; make one of a class."""
    found = _load(text, "shop.outlets:mails", "outlet", _is_outlet)
    if not isinstance(found, type):
        return cast("AnyOutlet", found)
    try:
        return cast("AnyOutlet", found())
    except Exception as error:  # the user's class
        msg = f"{text}() raised {type(error).__name__}: {error}; name an object of this class"
        raise typer.BadParameter(msg) from None


def load_parking(text: str) -> type[AnyReadModel] | str:
    """Import what can park events: a read model, or an outlet, of which the name is returned.

    A text without a colon is the name of an outlet.
    """
    if ":" not in text:
        return text
    found = _load(text, "examples.board.read_models:Cards", "read model", _can_park)
    return found if is_read_model(found) else cast("AnyOutlet", found).stored_as


def _is_outlet(found: object) -> bool:
    kind = found if isinstance(found, type) else type(found)
    return issubclass(kind, AnyOutlet) and hasattr(kind, "events")


def _can_park(found: object) -> bool:
    return is_read_model(found) or _is_outlet(found)


def load_part(text: str) -> str | AnyProcess:
    """Take the name of a process, or import a process, such as `examples.trip.process:trip`."""
    if ":" not in text:
        return text
    found = _load(text, "examples.trip.process:trip", "process", _is_process)
    return cast("AnyProcess", found)


def _is_process(found: object) -> bool:
    return isinstance(found, Process)


def deciders_among(wired: Iterable[AnyDecider | AnyProcess]) -> list[AnyDecider]:
    """The deciders among what was named."""
    return [one for one in wired if isinstance(one, Decider)]


def processes_among(wired: Iterable[AnyDecider | AnyProcess]) -> list[AnyProcess]:
    """The processes among what was named."""
    return [one for one in wired if isinstance(one, Process)]


def _has_streams(found: object) -> bool:
    return isinstance(found, (Decider, Process))


def load_deciders(texts: list[str] | None) -> list[AnyDecider] | None:
    """Import several deciders, also those of processes; None if none is given."""
    return [load_stream(text) for text in texts] if texts else None


def load_model(text: str) -> type[AnyReadModel]:
    """Import a read model, such as `examples.board.read_models:Cards`."""
    found = _load(text, "examples.board.read_models:Cards", "read model", is_read_model)
    return cast("type[AnyReadModel]", found)


def load_strategies(text: str) -> Mapping[object, object]:
    """Import strategies of Hypothesis by the names of fields, as `laws` takes them."""
    found = _load(text, "tests.strategies:STRATEGIES", "dict", lambda one: isinstance(one, Mapping))
    return cast("Mapping[object, object]", found)


def load_function(text: str) -> Callable[..., object]:
    """Import a function, or a class of functions, such as `changes:to_kanban`."""
    fits = _is_function
    return cast("Callable[..., object]", _load(text, "changes:to_kanban", "function", fits))


def _is_function(found: object) -> bool:
    return isfunction(found) or isclass(found)


def _load(text: str, example: str, noun: str, fits: Callable[[object], bool]) -> object:
    module_name, colon, name = text.partition(":")
    if not (module_name and colon and name) or module_name.startswith("."):
        msg = f"expected MODULE:NAME, such as {example}, got {text!r}"
        raise typer.BadParameter(msg)
    module = _import(module_name)
    found = module.get(name)
    if not fits(found):
        here = [key for key, value in module.items() if fits(value) and key != "__builtins__"]
        if noun == "function":  # not those that it imports
            here = [key for key in here if getattr(module[key], "__module__", "") == module_name]
        what = f"is {_noun(type(found).__name__)}" if name in module else "does not exist"
        nouns = f"{noun}es" if noun.endswith("s") else f"{noun}s"
        those = f"its {nouns} are {', '.join(here)}" if here else f"it has no {nouns}"
        raise typer.BadParameter(f"{text} {what}; {those}")
    return found


def _noun(word: str) -> str:
    return f"an {word}" if word[0] in "AEIOUaeiou" else f"a {word}"


def _import(name: str) -> dict[str, object]:
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        return vars(import_module(name))
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            msg = f"there is no module {error.name}, neither in the current directory nor installed"
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
        help="The aggregate, such as board/sprint-42.",
        show_default=False,
    ),
]
if TYPE_CHECKING:
    ShownDecider: TypeAlias = AnyDecider
    ShownModel: TypeAlias = type[AnyReadModel]
    ShownWired: TypeAlias = AnyDecider | AnyProcess
    Part: TypeAlias = str | AnyProcess
    ShownOutlet: TypeAlias = AnyOutlet
    Parking: TypeAlias = type[AnyReadModel] | str
    ShownStrategies: TypeAlias = Mapping[object, object]
else:  # help shows the name of an argument's type: these are names that help a user
    ShownDecider = type("module:name", (), {})
    ShownModel = type("module:Class", (), {})
    ShownWired = ShownDecider
    Part = type("name", (), {})
    ShownOutlet = type("module:name", (), {})
    Parking = type("module:Class", (), {})
    ShownStrategies = type("module:NAME", (), {})
Model = Annotated[
    ShownModel,
    typer.Argument(
        metavar="MODEL",
        parser=load_model,
        help="The read model, such as examples.board.read_models:Cards.",
        show_default=False,
    ),
]
AllDeciders = Annotated[
    list[ShownWired],
    typer.Argument(
        metavar="DECIDER|PROCESS...",
        parser=load_wired,
        help="All deciders and processes of the program, such as examples.board.domain:board.",
        show_default=False,
    ),
]
DECIDER_HELP = "Its decider, such as examples.board.domain:board."
DeciderNames = Annotated[
    list[str] | None,
    typer.Option(
        "--decider",
        metavar="MODULE:NAME",
        help="A decider of the model's events; by default one from the modules of its events.",
        show_default=False,
    ),
]
ModelsFolder = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="FOLDER",
        help="The folder of the domain's models, if it is not inside the journal.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", metavar=FLAG, help="Print JSON, for programs.")]
