"""Another process that executes statements of a test, mostly with a journal's path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO


class Talking:
    """A process that executes the Python statements that it is sent; they print lines."""

    id: int
    _in: IO[str]
    _out: IO[str]

    def run(self, statements: str) -> str:
        """Have it execute these, and return its next line."""
        self.begin(statements)
        return self.line()

    def begin(self, statements: str) -> None:
        """Have it execute these, without waiting."""
        print(repr(statements), file=self._in, flush=True)

    def line(self) -> str:
        """Wait for its next line."""
        return self._out.readline().strip()

    def stop(self) -> None:
        """Have it stand still, as SIGSTOP does; `kill` ends it all the same."""
        os.kill(self.id, signal.SIGSTOP)


class Program(Talking):
    """Another process.

    Args:
        path: the path that the program has.
        text: the program, which executes each line of its input; by default one for journals.
    """

    def __init__(self, path: Path, text: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", text or _PROGRAM, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self.id = self._process.pid

    def fork(self) -> Fork:
        """Start a fork of it, which has imported the same; end it with `kill`."""
        return Fork(self)

    def kill(self) -> None:
        """Kill it, and not its children."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()


class Fork(Talking):
    """A fork of a program that has opened nothing: it need not import anything again."""

    def __init__(self, ancestor: Program) -> None:
        self._ancestor = ancestor
        with tempfile.TemporaryDirectory() as folder:
            heard, said = Path(folder) / "heard", Path(folder) / "said"
            os.mkfifo(heard)
            os.mkfifo(said)
            ancestor.begin(_FORK.format(str(heard), str(said)))
            self._in = heard.open("w", encoding="utf-8")
            self._out = said.open(encoding="utf-8")
        self.id = int(ancestor.line())

    def kill(self) -> None:
        """Kill it; twice is harmless."""
        if not self._in.closed:
            os.kill(self.id, signal.SIGKILL)
            self._ancestor.run(f"print(os.waitpid({self.id}, 0))")
            self._in.close()
            self._out.close()


_PROGRAM = """
import os, sys, time
from itertools import count
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.lmdb.preflight import check_length
from comity.testing.contract import making
from comity.testing.contract.making import *
making._ids = count(os.getpid() * 1_000_000)
path = sys.argv[1]
for line in sys.stdin:
    exec(eval(line))
"""

_FORK = """
child = os.fork()
if child:
    print(child)
else:
    heard, sys.stdout = open({0!r}), open({1!r}, "w", buffering=1)
    making._ids = count(os.getpid() * 1_000_000)
    for line in heard:
        exec(eval(line))
    os._exit(0)
"""
