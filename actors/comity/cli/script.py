"""Loads a scenario from a Python script that the user names, such as `team.py:monday`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeAlias, cast

import typer

from comity.engine.text import told
from comity.simulation import RecordedScenario, Scenario
from comity.simulation.comparing.policies import POLICIES, Policy

AnyScenario: TypeAlias = Scenario | RecordedScenario


class Script(NamedTuple):
    """What was loaded from a script."""

    name: str
    """The script and the scenario's name in it, as they were typed."""
    scenario: AnyScenario
    policies: Mapping[str, Policy]
    """The script's own policies, by name; else the ready ones."""


def load_script(text: str) -> Script:
    """Run a script, and return its scenario: the one that is named, else its only one.

    The script imports as if Python ran it: from its own folder, and from the current directory.

    Raises:
        BadParameter: there is no such script, it raises an error, or which scenario is meant is not
            clear; the text says what to type instead.
    """
    path, name = _parts(text)
    names = vars(_run(path))
    return Script(text, _scenario(path, name, names), _policies(path, names.get("policies")))


def _policies(path: Path, found: object) -> Mapping[str, Policy]:
    if found is None:
        return POLICIES
    if not isinstance(found, Mapping):
        msg = f"{path}: expected policies such as {{'column': whole_aggregate}}, got {found!r:.100}"
        raise typer.BadParameter(msg)
    return cast("Mapping[str, Policy]", found)


def _scenario(path: Path, name: str, names: dict[str, object]) -> AnyScenario:
    found = {key: one for key, one in names.items() if isinstance(one, AnyScenario)}
    if name:
        if name not in found:
            msg = f"{path} has no scenario {name!r:.80}; {_those(found)}"
            raise typer.BadParameter(msg)
        return found[name]
    different = {id(one): one for one in found.values()}
    if len(different) != 1:
        hint = f"; name one, such as {path}:{next(iter(found))}" if found else ""
        msg = f"expected one scenario in {path}: {_those(found)}{hint}"
        raise typer.BadParameter(msg)
    return next(iter(different.values()))


def _those(found: dict[str, AnyScenario]) -> str:
    if found:
        return f"it has {', '.join(found)}"
    return 'it has none; write for example team = Scenario("team", deciders=[...], crowds=[...])'


def _parts(text: str) -> tuple[Path, str]:
    path, colon, name = text.rpartition(":")
    if not colon or Path(text).is_file():
        path, name = text, ""
    script = Path(path)
    if not script.is_file():
        what = "is a directory" if script.is_dir() else "does not exist"
        msg = f"expected a Python script, such as team.py or team.py:monday; {path!r:.200} {what}"
        raise typer.BadParameter(msg)
    return script, name


def _run(path: Path) -> ModuleType:
    for folder in (Path.cwd(), path.resolve().parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    name = f"{path.stem} (script)"  # no import can have this name
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        msg = f"expected a Python script, whose name ends with .py, got {str(path)!r:.200}"
        raise typer.BadParameter(msg)
    module = sys.modules[name] = module_from_spec(spec)  # its classes look for names there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        msg = f"{path} raised {type(error).__name__}{_line(error, path)}: {told(error)}"
        raise typer.BadParameter(msg) from None
    return module


def _line(error: BaseException, path: Path) -> str:
    """The last line of the script that the error came from."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(path):
            line = step.tb_lineno
        step = step.tb_next
    return f" in line {line}" if line else ""
