"""A live demo: 200 people with old views change 12 boards at once, on a real journal.

Run it: ./scripts/demo, or python examples/demo.py --help
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: python examples/demo.py
    sys.path.insert(0, str(Path(__file__).parents[1]))

from examples.board.domain import BoardEvent, board
from examples.board.read_models import Activity, Cards, Workload
from examples.crowd.diary import Diary
from examples.crowd.people import Crowd
from examples.crowd.proof import Claim, prove, prove_models
from examples.crowd.summary import Phase, as_json, show, show_proof
from examples.crowd.view import View, watching
from examples.recordings import FOLDER
from rich.console import Console
from rich.progress import track

from comity.actors import Domain
from comity.engine import ComityError, Invalid, Recorded
from comity.engine.text import printable

CLIENTS = 64
"""The number of clients in the rush at the end, which send without thinking."""
RUSH = 2.0
"""The most seconds of the rush; never more than the people's time."""
MOST = 1_000
"""The most people or boards."""
LONGEST = 300
"""The most seconds, since every receipt is kept for the proof."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    # Every receipt is kept for the proof, and each full garbage collection would visit all of
    # them: see "Speed" in docs/operating.md.
    gc.set_threshold(50_000, 20, 100)
    with tempfile.TemporaryDirectory(prefix="comity-") as folder:
        path = options.path or Path(folder) / "demo.db"
        try:
            domain = open_new(path)
        except (ComityError, OSError) as error:
            print(f"demo: {printable(str(error))}", file=sys.stderr)
            return 2
        with domain:
            crowd = Crowd(domain, options.boards, options.people, options.seed)
            people, rush = asyncio.run(perform(crowd, options.seconds))
            proof = check(crowd, domain)
        with open_domain(path) as reopened:
            again = check(crowd, reopened)
    if options.json:
        print(json.dumps(as_json(people, rush, proof, again), indent=1))
    else:
        tell(people, rush, proof, again, options.path)
    return 0 if all(claim.holds for claim in (*proof, *again)) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--people", type=count, default=200, metavar="N", help="number of people (200)")
    add("--boards", type=count, default=12, metavar="N", help="number of boards (12)")
    add(
        "--seconds",
        type=duration,
        default=6.0,
        metavar="S",
        help="how long people work, in seconds (6)",
    )
    add("--seed", type=int, default=1, metavar="N", help="seed of the people's choices (1)")
    add("--path", type=Path, help="keep the journal in this new directory")
    add("--json", action="store_true", help="one JSON document instead of text")
    return parser.parse_args(arguments)


def count(text: str) -> int:
    """Parse a number of people or boards.

    Raises:
        ArgumentTypeError: it is not a number in range.
    """
    if not (text.isdecimal() and 1 <= int(text) <= MOST):
        msg = f"expected a number from 1 to {MOST:,}, got {printable(text)!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def duration(text: str) -> float:
    """Parse a number of seconds.

    Raises:
        ArgumentTypeError: it is not a number in range.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST:
        msg = f"expected seconds, up to {LONGEST:,}, got {printable(text)!r}"
        raise argparse.ArgumentTypeError(msg)
    return seconds


def open_new(path: Path) -> Domain:
    """Open a domain with a new journal, since the proof counts every event.

    Raises:
        Invalid: the path exists already.
    """
    if path.exists():
        msg = f"{path} exists already: name a new directory"
        raise Invalid(msg)
    return open_domain(path)


def open_domain(path: Path) -> Domain:
    return Domain.open(path, deciders=[board], read_models=[Cards, Workload, Activity])


async def perform(crowd: Crowd, seconds: float) -> tuple[Phase, Phase]:
    """Let the crowd work, then rush, with a live view."""
    domain = crowd.domain
    await crowd.begin()
    started = domain.statistics()
    work, rush = Diary(), Diary()
    gc.freeze()
    with watching(View(f"{crowd.people:,} people, {len(crowd.keys):,} boards", seconds, work)):
        await crowd.work(seconds, work)
    worked = domain.statistics()
    short = min(RUSH, seconds)
    with watching(View(f"{CLIENTS} clients in a rush", short, rush)):
        await crowd.rush(CLIENTS, short, rush)
    crowd.catch_up()
    return (
        Phase.ended(f"{crowd.people:,} people", work, started, worked),
        Phase.ended(f"{CLIENTS} clients", rush, worked, domain.statistics()),
    )


def check(crowd: Crowd, domain: Domain) -> list[Claim]:
    """Read the whole journal, and compare it with the crowd's screens and receipts."""
    boards = {key: domain.aggregate(board, key) for key in crowd.keys}
    histories: dict[str, list[Recorded[BoardEvent]]] = {}
    console = Console(stderr=True)
    hidden = not console.is_terminal
    for key in track(boards, "replaying", console=console, transient=True, disable=hidden):
        histories[key] = list(domain.history(boards[key]))
    states = {key: domain.state(one) for key, one in boards.items()}
    claims = prove(histories, states, crowd.screens.states(), crowd.receipts)
    end = domain.statistics().position
    with (
        domain.read(Cards, after=end, timeout=60) as cards,
        domain.read(Activity, after=end, timeout=60) as activity,
    ):
        return [*claims, prove_models(states, end, cards, activity)]


def tell(
    people: Phase, rush: Phase, proof: list[Claim], again: list[Claim], path: Path | None
) -> None:
    """Print the summary, the proof, and what to try next."""
    console = Console(highlight=False)
    show(console, people, rush)
    show_proof(console, proof, again)
    print()
    print("Next: python -m examples.board tells a story of two people with the same boards, and")
    print("python -m examples.web shows a board live in any number of browsers; it needs")
    print("./scripts/install first. Run both with the Python of this demo:")
    print(printable(sys.executable))
    if path:
        print(f"The journal is kept: comity stats {printable(str(path))}")
    if FOLDER.is_dir():
        print("python -m examples.git_merges and python -m examples.shared_typing play the")
        print("recorded histories on this machine.")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("demo: stopped")
