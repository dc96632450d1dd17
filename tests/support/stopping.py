"""Stops another process while it keeps nobody waiting: not in the middle of a write.

A stopped process keeps LMDB's locks, as it should: others wait until it goes on. Tests of what else
happens when a process hangs must not depend on where exactly it was stopped.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import Final

PATIENCE: Final = 60.0
"""Seconds until a process that always seems to write is an error."""
_LOCKS: Final = struct.Struct("<8xI52xI")
"""The words of lock.mdb that hold the thread that has the lock of readers, and that of writers."""
_OWNER: Final = 0x3FFF_FFFF
"""The bits of such a word that are the thread's id."""


def stop(pid: int, path: Path) -> None:
    """Stop a process in a moment in which it has none of LMDB's locks below this folder."""
    until = time.monotonic() + PATIENCE
    while True:
        os.kill(pid, signal.SIGSTOP)
        wait_until_stopped(pid)
        held = locks_of(pid, path)
        if not held:
            return
        go_on(pid)
        assert time.monotonic() < until, f"process {pid} writes all the time: {held}"
        time.sleep(0.002)


def go_on(pid: int) -> None:
    """Let a stopped process go on."""
    os.kill(pid, signal.SIGCONT)


def wait_until_stopped(pid: int) -> None:
    """Wait until all threads of a process stand still. It need not be a child of this one."""
    until = time.monotonic() + PATIENCE
    while any(_state(task) not in "TtZX" for task in _tasks(pid)):
        assert time.monotonic() < until, f"process {pid} does not stop"
        time.sleep(0.001)


def locks_of(pid: int, path: Path) -> list[Path]:
    """The files lock.mdb below this folder of which a process has a lock."""
    threads = {int(task.name) for task in _tasks(pid)}
    return [file for file in sorted(path.rglob("lock.mdb")) if threads & set(_owners(file))]


def _owners(file: Path) -> tuple[int, ...]:
    """The threads that have the two locks; 0 is nobody.

    Another program reads the file: if this one closed it, its own locks of LMDB would be gone.
    """
    read = subprocess.run(
        ["head", "-c", f"{_LOCKS.size}", str(file)],  # noqa: S607 - where the system has it
        capture_output=True,
        check=False,
    ).stdout
    if len(read) < _LOCKS.size:  # it is being made, or was removed
        return ()
    return tuple(word & _OWNER for word in _LOCKS.unpack(read))


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _state(task: Path) -> str:
    try:
        text = (task / "stat").read_text()
    except OSError:  # the thread has ended
        return "X"
    return text.rpartition(")")[2].split()[0]
