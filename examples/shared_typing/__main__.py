"""Play the recorded typing of two people, and compare the result with their final text.

Run it: python -m examples.shared_typing
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

if not __package__:  # run as a folder: python examples/shared_typing
    sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.recordings import recording
from examples.shared_typing.domain import document
from examples.shared_typing.play import Played, Typing, play
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from comity.actors import Domain
from comity.engine.text import printable

RECORDING = "shared-typing/friendsforever.json.gz"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="shared_typing", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--journal", type=Path, help="keep the journal in this new directory")
    options = parser.parse_args(arguments)
    if options.journal is not None and options.journal.exists():
        parser.error(f"{options.journal} is there already; name a new directory")
    console = Console()
    try:
        typing = Typing.read(recording(RECORDING))
    except FileNotFoundError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    with ExitStack() as stack:
        folder = options.journal or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "db"
        domain = stack.enter_context(Domain.open(folder, deciders=[document]))
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("typing", total=len(typing.edits))
            played = play(
                typing, domain, "friends", lambda done: progress.update(task, completed=done)
            )
    console.print(table(typing, played))
    for refusal in played.refusals[:10]:
        console.print(f"refused: {printable(refusal)}", markup=False)
    return 0 if played.text == typing.text and not played.refusals else 1


def table(typing: Typing, played: Played) -> Table:
    outcomes = ", ".join(f"{count:,} {name}" for name, count in played.outcomes.items())
    same = "exactly their final text" if played.text == typing.text else "NOT their final text"
    rows = Table(show_header=False, box=None)
    rows.add_row("edits by two people", f"{played.edits:,}")
    rows.add_row("made on a stale view", f"{played.stale:,}")
    rows.add_row("outcomes", outcomes)
    rows.add_row(
        "edits a second",
        f"{played.edits / played.seconds:,.0f}, each one durable before its answer",
    )
    rows.add_row("the text", f"{len(played.text):,} characters, {same}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
