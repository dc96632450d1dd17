"""Processes in containers that share a volume and no pid namespace are told so when they open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.sharing.board import Board

CONTAINER = ["unshare", "--pid", "--fork", "--kill-child"]
PROGRAM = """
import os, sys
from pathlib import Path
from comity.engine.errors import ComityError
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.sharing.board import Board
try:
    if sys.argv[2] == "reads":
        journal = LmdbJournal.open(sys.argv[1], read_only=True)
        journal.position()
    else:
        member = Board.join(Path(sys.argv[1]))
    print("open as process", os.getpid(), flush=True)
    sys.stdin.read()
except ComityError as error:
    print(type(error).__name__, error, flush=True)
"""


def has_namespaces() -> bool:
    """Whether this user may make a pid namespace."""
    if shutil.which("unshare") is None:
        return False
    return not subprocess.run([*CONTAINER, "true"], check=False, capture_output=True).returncode


pytestmark = pytest.mark.skipif(not has_namespaces(), reason="needs the right to make namespaces")


@contextmanager
def in_a_container(path: Path, does: str) -> Generator[str]:
    """What a process says that opens the journal in another pid namespace, as its process 1."""
    command = [*CONTAINER, sys.executable, "-c", PROGRAM, str(path), does]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
    finally:
        process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal."""
    LmdbJournal.open(tmp_path / "journal").close()
    return tmp_path / "journal"


def test_a_writer_in_another_container_is_refused_and_told_what_to_do(path: Path) -> None:
    member = Board.join(path)
    with in_a_container(path, "writes") as said:
        assert said.startswith("JournalInUse ")
        assert "shareProcessNamespace" in said
    member.leave()
    with in_a_container(path, "writes") as said:
        assert said == "open as process 1\n"


def test_two_readers_with_one_process_id_are_told_what_to_do(path: Path) -> None:
    with in_a_container(path, "reads") as first, in_a_container(path, "reads") as second:
        assert first == "open as process 1\n"
        assert second.startswith("StorageFailed ")
        assert "one pid namespace" in second
