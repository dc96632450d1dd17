"""What the command line's tests have in common: what a command has printed, and hostile text."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import NamedTuple

HOSTILE = "e[red]vil\x1b[2J\nforged\u202e"


class Ran(NamedTuple):
    """A command that was run."""

    code: int
    out: str
    err: str


Comity = Callable[..., Ran]
"""Types a command, word by word."""


def shows_safely(out: str, *, something: bool = True) -> bool:
    """Whether hostile text was shown in a way that drives no terminal."""
    ours = re.sub(r"\x1b\[[0-9;]*m", "", out)  # the colours that we print ourselves
    return (
        "\x1b" not in ours
        and "\u202e" not in ours
        and not re.search(r"^forged", ours, re.MULTILINE)
        and ("[red]vil" in ours or not something)
    )


class Host:
    """A domain in another process; see `tests.cli.host` for what it can be told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._hear("open")

    def tell(self, words: str) -> None:
        """Tell it something, and wait until it is done."""
        assert self.process.stdin is not None
        print(words, file=self.process.stdin, flush=True)
        self._hear("done")

    def close(self) -> None:
        """Close the domain."""
        self.process.communicate(timeout=60)

    def _hear(self, said: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == said
