"""A board in the browser: one writer, two readers, any number of people.

Run it: python -m examples.web [PATH] [--port 8000] [--readers 2]; Ctrl-C ends it. With PATH the
journal is kept there; without PATH it is deleted at the end.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import NoReturn

from examples.board.domain import AddCard
from examples.sprint.domain import sprint
from examples.web.servers import Servers

from comity.actors import Domain
from comity.engine import ComityError

BOARD = "sprint-42"
CARDS = ("Log in", "Sign up", "Pay", "Ship", "Celebrate")
GOES = "The journal is deleted at the end; python -m examples.web PATH keeps it at PATH."


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        how = './scripts/install does it, or pip install ".[web]"'
        print(f"{' and '.join(missing)} must be installed: {how}", file=sys.stderr)
        return 1
    at_signals(_interrupt)  # both, since a shell may have set SIGINT to be ignored
    with ExitStack() as stack:
        try:
            path = options.path or stack.enter_context(tempfile.TemporaryDirectory()) + "/team.db"
            plural = "" if options.readers == 1 else "s"
            print(f"Starting a writer and {options.readers} reader{plural} ...", flush=True)
            add_cards(path)
            servers = Servers(path, port=options.port, readers=options.readers)
            stack.enter_context(servers)
            tell(path, servers, kept=options.path is not None)
            while servers.running:
                time.sleep(0.2)
            end = "a server has ended, so the others were ended too"
        except KeyboardInterrupt:
            at_signals(signal.SIG_IGN)  # the servers are already being ended
            end = ""
        except (OSError, ComityError) as error:
            print(error, file=sys.stderr)
            return 1
    if end:
        print(end, file=sys.stderr)
        return 1
    print("Stopped.")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.web", description="A board in the browser."
    )
    parser.add_argument("path", nargs="?", type=Path, help="keep the journal in this directory")
    parser.add_argument(
        "--port", type=_port, default=8000, help="the writer's port; 0 means any free one"
    )
    parser.add_argument("--readers", type=int, default=2, choices=range(9), metavar="0..8")
    return parser.parse_args(arguments)


def add_cards(path: str | Path) -> None:
    """Put some cards on the board if it has no events."""
    with Domain.open(path, deciders=[sprint]) as domain:
        board = domain.session("somebody").aggregate(sprint, BOARD)
        if board.version == 0:
            for number, title in enumerate(CARDS, 1):
                board.send(AddCard(card=f"c{number}", number=number, title=title)).result(5)


def _port(word: str) -> int:
    if word.isdecimal() and len(word) < 6 and int(word) < 65_536:  # noqa: PLR2004
        return int(word)
    msg = f"expected a port from 1 to 65535, or 0 for any free one, got {word!r:.80}"
    raise argparse.ArgumentTypeError(msg)


def tell(path: str | Path, servers: Servers, *, kept: bool) -> None:
    print("Open the board in two windows, as two people, who may close the sprint together:")
    for name in ("ann", "bob"):
        print(f"  {servers.writer}/?me={name}")
    print(f"They read from {' and '.join(servers.readers) or 'the writer'}.")
    print(f"The journal is {path}." if kept else GOES)
    print("Ctrl-C ends this.", flush=True)


def at_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
