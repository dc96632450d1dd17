"""Tests stop a process only while it keeps nobody waiting, see `tests.support.stopping`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from tests.engine.program import Program
from tests.support.stopping import go_on, locks_of, stop

WRITES = """
import sys
from time import sleep
from lmdb import open
store = open(sys.argv[1])
print("open")
for line in sys.stdin:
    exec(eval(line))
"""
ALL_THE_TIME = """
while True:
    writing = store.begin(write=True)
    sleep(0.02)
    writing.abort()
    sleep(0.002)
"""


@pytest.fixture
def other(tmp_path: Path) -> Generator[Program]:
    """Another process, with a store in this folder."""
    program = Program(tmp_path, WRITES)
    assert program.line() == "open"
    yield program
    program.kill()


def test_who_has_the_lock_of_a_file_is_seen(other: Program, tmp_path: Path) -> None:
    assert locks_of(other.id, tmp_path) == []
    other.run("writing = store.begin(write=True); print()")
    assert locks_of(other.id, tmp_path) == [tmp_path / "lock.mdb"]
    other.run("writing.abort(); print()")
    assert locks_of(other.id, tmp_path) == []


def test_a_process_that_writes_nearly_always_is_stopped_between_two_writes(
    other: Program, tmp_path: Path
) -> None:
    other.run("print()")
    other.begin(ALL_THE_TIME)
    for _ in range(10):
        stop(other.id, tmp_path)
        assert locks_of(other.id, tmp_path) == []
        go_on(other.id)
