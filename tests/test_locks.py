"""The locks are complete: each names whatever its packages need, on every Python and system.

`scripts/install` resolves nothing, so what a lock leaves out would not be there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import Distribution
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUN: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
ASKED = {
    "run": [*RUN, *EXTRAS["cli"]],
    "dev": [*RUN, *EXTRAS["cli"], *EXTRAS["web"], *GROUPS["dev"]],
    "peers": GROUPS["peers"],
}
PIN = re.compile(r"^([\w.-]+==.+) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)

Environment: TypeAlias = dict[str, str]


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")


def pins(text: str) -> list[Requirement]:
    return [Requirement(pin) for pin, _ in PIN.findall(text)]


def environments() -> Iterator[Environment]:
    """Every Python that comity is for, and the next one, on the systems that people have."""
    systems = [
        ("linux", "Linux", "posix"),
        ("darwin", "Darwin", "posix"),
        ("win32", "Windows", "nt"),
    ]
    for minor, system, machine in product(range(11, 16), systems, ("x86_64", "arm64")):
        sys_platform, platform_system, os_name = system
        yield {
            **{name: str(value) for name, value in default_environment().items()},
            "python_version": f"3.{minor}",
            "python_full_version": f"3.{minor}.0",
            "sys_platform": sys_platform,
            "platform_system": platform_system,
            "os_name": os_name,
            "platform_machine": machine,
        }


def holds(requirement: Requirement, environment: Environment, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)
    )


@cache
def needs(name: str) -> list[Requirement]:
    """What a package asks for, where it is installed; what another system has cannot be known."""
    beside = [str(path) for path in ROOT.glob(".venv-peers/lib/*/site-packages")]
    found = [*Distribution.discover(name=name), *Distribution.discover(name=name, path=beside)]
    return [Requirement(text) for one in found for text in one.requires or []]


def left_out(
    asked: Sequence[str], lock: Sequence[Requirement], environment: Environment
) -> set[str]:
    """What the lock does not name, or in a version that does not fit."""
    pinned = {canonicalize_name(pin.name): pin for pin in lock if holds(pin, environment, ())}
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [one for one in map(Requirement, asked) if holds(one, environment, ())]
    while waiting:
        requirement = waiting.pop()
        pin = pinned.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(next(iter(pin.specifier)).version):
            missing.add(str(requirement))
        this = (requirement.name, frozenset(requirement.extras))
        if this not in seen:
            seen.add(this)
            extras = requirement.extras
            waiting += [one for one in needs(requirement.name) if holds(one, environment, extras)]
    return missing


def left_out_anywhere(asked: Sequence[str], lock: Sequence[Requirement]) -> set[str]:
    return {missing for one in environments() for missing in left_out(asked, lock, one)}


@pytest.mark.parametrize("lock", ASKED)
def test_a_lock_names_all_that_is_asked_for_and_all_that_this_needs(lock: str) -> None:
    assert left_out_anywhere(ASKED[lock], pins(text_of(lock))) == set()


@pytest.mark.parametrize("lock", ASKED)
def test_all_that_a_lock_names_is_pinned_with_its_hashes(lock: str) -> None:
    entries = re.findall(r"^[^\s#].*$", text_of(lock), re.MULTILINE)
    assert len(entries) == len(pins(text_of(lock))) > 0


@pytest.mark.parametrize(
    ("lock", "name"),
    [
        ("run", "lmdb"),  # comity asks for it
        ("run", "annotated-types"),  # pydantic does
        ("run", "colorama"),  # typer does, on Windows
        ("dev", "httpx2-jsfetch"),  # nobody does on a system that comity is for
        ("dev", "coverage"),  # pytest-cov does, with an extra
        ("peers", "umadb"),
    ],
)
def test_what_a_lock_leaves_out_is_noticed(lock: str, name: str) -> None:
    without = [pin for pin in pins(text_of(lock)) if pin.name != name]
    noticed = {Requirement(text).name for text in left_out_anywhere(ASKED[lock], without)}
    assert noticed == ({name} if name != "httpx2-jsfetch" else set())


def test_a_version_that_does_not_fit_is_noticed() -> None:
    old = [pin for pin in pins(text_of("run")) if pin.name != "pydantic-core"]
    noticed = left_out_anywhere(ASKED["run"], [*old, Requirement("pydantic-core==1.0")])
    assert {Requirement(text).name for text in noticed} == {"pydantic-core"}


def test_nothing_changes_its_version_when_the_environment_grows() -> None:
    run, dev = ({str(pin) for pin in pins(text_of(lock))} for lock in ("run", "dev"))
    assert run < dev
