"""A board in the browser: any number of equal workers behind one port, and any number of people.

Run it: python -m examples.web [PATH] [--port 8000] [--workers 2]; Ctrl-C ends it. With PATH the
journal is kept there; without PATH it is deleted at the end.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import NoReturn

from examples.board.domain import AddCard
from examples.sprint.domain import sprint

from comity.actors import Domain
from comity.engine import ComityError

HOST = "127.0.0.1"
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
            listening = stack.enter_context(listen(options.port))
            add_cards(path)
            tell(path, listening.getsockname()[1], options.workers, kept=options.path is not None)
            failed = serve(path, listening, options.workers)
        except KeyboardInterrupt:
            failed = False
        except (OSError, ComityError) as error:
            print(error, file=sys.stderr)
            return 1
    if failed:
        print("a worker could not start, so the others were ended too", file=sys.stderr)
        return 1
    print("Stopped.")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.web", description="A board in the browser."
    )
    parser.add_argument("path", nargs="?", type=Path, help="keep the journal in this directory")
    parser.add_argument("--port", type=_port, default=8000, help="0 means any free one")
    parser.add_argument("--workers", type=int, default=2, choices=range(1, 17), metavar="1..16")
    return parser.parse_args(arguments)


def _port(word: str) -> int:
    if word.isdecimal() and len(word) < 6 and int(word) < 65_536:  # noqa: PLR2004
        return int(word)
    msg = f"expected a port from 1 to 65535, or 0 for any free one, got {word!r:.80}"
    raise argparse.ArgumentTypeError(msg)


def listen(port: int) -> socket.socket:
    """A socket for all workers. While none of them is there, what comes waits in its queue.

    uvicorn could make it, but then small answers may wait 40 ms for the client (Nagle's algorithm).
    """
    try:
        listening = socket.create_server((HOST, port), backlog=2048)
    except OSError as error:
        msg = f"port {port}: {error.strerror}; use --port 0 for any free port"
        raise OSError(msg) from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def add_cards(path: str | Path) -> None:
    """Put some cards on the board if it has no events."""
    with Domain.open(path, deciders=[sprint]) as domain:
        board = domain.session("somebody").aggregate(sprint, BOARD)
        if board.version == 0:
            for number, title in enumerate(CARDS, 1):
                board.send(AddCard(card=f"c{number}", number=number, title=title)).result(5)


def tell(path: str | Path, port: int, workers: int, *, kept: bool) -> None:
    print("Open the board in two windows, as two people, who may close the sprint together:")
    for name in ("ann", "bob"):
        print(f"  http://{HOST}:{port}/?me={name}")
    print(f"{workers} {'worker serves' if workers == 1 else 'workers serve'} it.")
    print(f"The journal is {path}." if kept else GOES)
    print("Ctrl-C ends this.", flush=True)


def serve(path: str | Path, listening: socket.socket, workers: int) -> bool:
    """Serve the board until a signal comes; a worker that dies is started again.

    This is `uvicorn --factory examples.web.app:make_app --workers 4`, with a socket of our own.

    Returns:
        Whether it ended because a worker could not start.
    """
    from uvicorn.config import STARTUP_FAILURE, Config  # noqa: PLC0415 - may not be installed
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    os.environ["COMITY_PATH"] = str(Path(path).absolute())
    config = Config(
        "examples.web.app:make_app",
        factory=True,
        workers=workers,
        log_level="warning",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,  # seconds, so that a window seldom changes its worker
        ws="none",
    )
    supervisor = Multiprocess(config, [listening])
    supervisor.run()
    return any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes)


def at_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
