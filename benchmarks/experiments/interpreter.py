"""Could threads run in parallel? Lists what this interpreter and others here offer for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.experiments.finding import Finding

_OTHERS: Final = ("python3.13t", "python3.14t", "python3.12", "python3.13", "python3.14")
_NEEDED: Final = ("lmdb", "msgpack", "pydantic_core")
_OWN_GIL: Final = (3, 12)
_ASK: Final = "import sys, sysconfig as s; print(sys.version.split()[0], s.get_config_var({!r}))"
_TRY: Final = (
    "import sys, {0} as i; failed = i.run_string(i.create(), 'import {1}'); "
    "sys.exit(str(failed) if failed else 0)"  # it raises until Python 3.12, then it tells
)


def run(_: Path, seconds: float) -> list[Finding]:
    """List facts; it times nothing."""
    return [_gil(), _interpreters(), *_extensions(), *map(_other, _OTHERS)]


def _gil() -> Finding:
    ask = getattr(sys, "_is_gil_enabled", None)  # since Python 3.13
    note = "yes: this Python has no other mode" if ask is None else "yes" if ask() else "no"
    return Finding("this interpreter holds a GIL", note=note)


def _module() -> str:
    names = ("_interpreters", "_xxsubinterpreters")
    return next((name for name in names if find_spec(name)), "")


def _interpreters() -> Finding:
    name = _module()
    shared = "each may have a GIL of its own" if sys.version_info >= _OWN_GIL else "one GIL for all"
    note = f"{name}, {shared} in Python {sys.version.split()[0]}" if name else "none"
    return Finding("sub-interpreters", note=note)


def _extensions() -> list[Finding]:
    """Whether the needed libraries can be imported in a sub-interpreter, each in a new process."""
    if not (name := _module()):
        return []
    findings: list[Finding] = []
    for needed in _NEEDED:
        done = _run([sys.executable, "-c", _TRY.format(name, needed)])
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1][:120]
        note = "works" if done.returncode == 0 else f"fails: {said}"
        findings.append(Finding(f"import {needed} in a sub-interpreter", note=note))
    return findings


def _other(name: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, note="not on the PATH")
    done = _run([path, "-c", _ASK.format("Py_GIL_DISABLED")])
    if done.returncode:
        return Finding(name, note="on the PATH, but does not start")
    version, _, disabled = done.stdout.strip().partition(" ")
    free = "free-threaded" if disabled == "1" else "with a GIL"
    return Finding(name, note=f"{version}, {free}; comity's libraries are not installed in it")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - an interpreter
