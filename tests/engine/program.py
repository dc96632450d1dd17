"""Another process that executes statements of a test, with a journal's path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path


class Program:
    """Another process: Python statements that it executes, and what they print."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", _PROGRAM, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self.id = self._process.pid

    def run(self, statements: str) -> str:
        """Have it execute these, and return its next line."""
        self.begin(statements)
        return self.line()

    def kill(self) -> None:
        """Kill it, and not its children."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def stop(self) -> None:
        """Stop it, as SIGSTOP does; `kill` ends it all the same."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `stop`."""
        self._process.send_signal(signal.SIGCONT)

    def begin(self, statements: str) -> None:
        """Have it execute these, without waiting."""
        print(repr(statements), file=self._in, flush=True)

    def line(self) -> str:
        """Wait for its next line."""
        return self._out.readline().strip()


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
