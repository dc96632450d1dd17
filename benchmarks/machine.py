"""Describes the machine, without names of machines or persons."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path


def describe(folder: Path, repository: Path) -> dict[str, object]:
    """Processor, memory, system, disk, versions, commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory GiB": round(memory / (1 << 30), 1),
        "system": f"{platform.system()} {platform.release()}",
        "file system": _file_system(folder),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": _versions(),
        "commit": _git(repository, "rev-parse", "--short", "HEAD"),
        "changed since": bool(_git(repository, "status", "--porcelain", "--", "engine", "actors",
                                   "readmodels", "benchmarks")),
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load at start": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def _versions() -> Mapping[str, str]:
    names = ("comity", "lmdb", "msgpack", "pydantic", "pykka")
    return {**{name: metadata.version(name) for name in names}, "SQLite": sqlite3.sqlite_version}


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def _file_system(folder: Path) -> str:
    """The type of the file system that holds the folder."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    real, best, kind = str(folder.resolve()), "", "unknown"
    for line in lines:
        _, place, its_kind, *_ = line.split()
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, its_kind
    return kind


def _git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - its own repository
            ["git", *arguments],  # noqa: S607 - the host's git
            cwd=repository, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
