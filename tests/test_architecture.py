"""What the layout promises, read from the source files: a breach fails here, not in a host program.

Whoever adds a package, moves a module or adds an import meets these first.
"""

from __future__ import annotations

import ast
import importlib
import logging
import logging.config
import tomllib
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
SOURCE_ROOTS = [ROOT / name for name in ("engine", "readmodels", "actors")]
MODULES = {
    module_name: path
    for source_root in SOURCE_ROOTS
    for path in sorted(source_root.rglob("*.py"))
    for module_name in [
        ".".join(path.relative_to(source_root).with_suffix("").parts).removesuffix(".__init__")
    ]
}
PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"]
LAYERED: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "root_packages"
]

ASKS_THE_MACHINE = {
    "asyncio", "concurrent", "queue", "random", "sched", "secrets", "threading", "time",
}  # fmt: skip
DRAWS_OR_READS_A_CLOCK = {
    "getrandbits", "randbytes", "today", "urandom", "utcnow", "uuid1", "uuid4",
}  # fmt: skip
FOR_ALL = {"LONGEST", "Lock", "RLock"}
"""What a domain's life may take from the operating system by name: one thread can have it, too."""
PROGRAMS = (
    "comity.cli", "comity.actors.projecting.build", "comity.actors.projecting.parallel_build",
    "comity.actors.processes.process_reader", "comity.actors.delivering.outlet_ledger",
)  # fmt: skip
"""They run on their own, beside a domain or without one."""

LOADS_CODE_FROM_DATA = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
RUNS_TEXT = {"eval", "exec", "__import__"}
READS_NAMES = {
    "glob", "listdir", "readlink", "removedirs", "rename", "rglob", "rmtree", "scandir", "symlink",
    "symlink_to",
}  # fmt: skip


def test_imports_flow_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    unwritten = sorted(set(LAYERED) - set(PACKAGES))
    if unwritten:
        pytest.skip(f"no __init__.py yet in {', '.join(unwritten)}")
    monkeypatch.chdir(ROOT)
    # It sets up logging for a program of its own, and silences all loggers that are there.
    monkeypatch.setattr(logging.config, "dictConfig", dict[str, object])
    assert lint_imports(no_cache=True, no_logo=True) == 0
    assert not logging.getLogger("comity").disabled


def test_no_module_imports_one_that_imports_it_for_types_neither() -> None:
    imported = {name: set(names_imported(path)) & set(MODULES) for name, path in MODULES.items()}
    TopologicalSorter(imported).prepare()  # raises a CycleError that names the circle


def test_every_package_is_under_the_import_contract() -> None:
    assert {".".join(name.split(".")[:2]) for name in PACKAGES} <= set(LAYERED)


def test_lmdb_is_imported_in_one_room() -> None:
    importers = modules_where(imports("lmdb"))
    assert [name for name in importers if not within("comity.engine.lmdb", name)] == []


def test_pykka_is_imported_only_in_the_actors() -> None:
    importers = modules_where(imports("pykka"))
    assert [name for name in importers if not within("comity.actors", name)] == []


def test_only_the_runtimes_rooms_ask_for_time_threads_or_chance() -> None:
    asking = [
        name for name in modules_where(asks_the_machine) if not within("comity.testing", name)
    ]
    assert {name.rsplit(".", 1)[0] for name in asking} == {
        "comity.actors.runtime", "comity.engine.runtime", "comity.simulation.runtime",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "import time", "from threading import Thread", "def f():\n    import random",
        "x = uuid.uuid4()", "from os import urandom", "x = datetime.now(UTC)",
        "x = datetime.datetime.now()", "x = date.today()",
    ],
)  # fmt: skip
def test_whoever_asked_would_be_found(line: str) -> None:
    assert asks_the_machine(ast.parse(line))


def test_what_runs_in_a_domains_life_asks_the_runtime_that_it_was_handed() -> None:
    by_name = {
        name: taken
        for name, path in MODULES.items()
        if within("comity.actors", name) and not within("comity.actors.runtime", name)
        if not any(within(program, name) for program in PROGRAMS)
        if (taken := set(taken_from("comity.engine.runtime.system", path)) - FOR_ALL)
    }
    assert by_name == {}


def test_no_module_unpickles() -> None:
    assert modules_where(imports(*LOADS_CODE_FROM_DATA)) == []


def test_no_module_runs_text_as_code_but_that_which_writes_it() -> None:
    """A row's reader is written out for its class; `test_tables` holds that no name is run."""
    assert modules_where(mentions(*RUNS_TEXT)) == ["comity.readmodels.tables.row"]


def test_names_and_links_from_the_disk_are_read_in_one_place() -> None:
    """They are a stranger's: see `comity.engine.files.own_folder`."""
    readers = modules_where(mentions(*READS_NAMES))
    assert set(readers) <= {"comity.engine.files.own_folder", "comity.engine.files.whole_directory"}


def test_only_the_command_line_imports_by_name() -> None:
    importers = modules_where(mentions("import_module"))
    assert [name for name in importers if not within("comity.cli", name)] == []


def test_nothing_hides_the_other_portions_of_the_namespace() -> None:
    assert [*ROOT.glob("comity/__init__.py*"), *ROOT.glob("*/comity/__init__.py*")] == []


def test_every_package_ships_its_types() -> None:
    packages = {Path(*path.relative_to(ROOT).parts[:3]) for path in MODULES.values()}
    assert [str(path) for path in packages if not (ROOT / path / "py.typed").is_file()] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_sorted_and_equals_what_is_visible(name: str) -> None:
    package = importlib.import_module(name)
    visible = [
        attribute
        for attribute in dir(package)  # and not vars: comity.testing loads names when asked
        if not attribute.startswith("_") and not isinstance(getattr(package, attribute), ModuleType)
    ]
    assert getattr(package, "__all__", []) == sorted(visible)


def test_every_module_opens_by_saying_what_it_is() -> None:
    assert modules_where(lambda tree: not opens_with_docstring(tree)) == []


def modules_where(found: Callable[[ast.Module], bool]) -> list[str]:
    return [name for name, path in MODULES.items() if found(ast.parse(path.read_text(), path))]


def names_imported(path: Path) -> Iterator[str]:
    """The modules that a file imports from, anywhere in it, and what it imports from them."""
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(package: str, name: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def imports(*distributions: str) -> Callable[[ast.Module], bool]:
    return lambda tree: not set(distributions).isdisjoint(imported_roots(tree))


def imported_roots(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0]
            case _:
                pass


def mentions(*names: str) -> Callable[[ast.Module], bool]:
    return lambda tree: not set(names).isdisjoint(mentioned_names(tree))


def asks_the_machine(tree: ast.Module) -> bool:
    """Whether it reads a clock, waits, starts threads or draws lots in a way of its own."""
    return (
        imports(*ASKS_THE_MACHINE)(tree)
        or mentions(*DRAWS_OR_READS_A_CLOCK)(tree)
        or any(is_now_of_a_date(node) for node in ast.walk(tree))
    )


def is_now_of_a_date(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr="now", value=ast.Name(id=of) | ast.Attribute(attr=of)):
            return of in {"date", "datetime"}
        case _:
            return False


def taken_from(module: str, path: Path) -> Iterator[str]:
    """The names that a file imports from a module."""
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def mentioned_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
            case _:
                pass


def opens_with_docstring(tree: ast.Module) -> bool:
    return ast.get_docstring(tree) is not None and tree.body[0].lineno == 1
