"""Plays 539 recorded git merges, also those that git could not merge, or your repository's merges.

Run it: python -m examples.git_merges [--check-order] [--json] [--html merges.html]
Yours: python -m examples.git_merges --repo ~/linguist --file lib/linguist/languages.yml
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

if not __package__:  # run as a folder: python examples/git_merges
    sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.git_merges import page
from examples.git_merges.domain import registry
from examples.git_merges.merges import Merge, recorded
from examples.git_merges.play import Played, played
from examples.git_merges.report import Order, as_json, show
from examples.git_merges.repository import Repository, Unusable
from examples.recordings import recording
from rich.console import Console
from rich.progress import track

from comity.actors import Domain, Policy
from comity.engine import ComityError
from comity.engine.text import printable

RECORDING = "git-merges/merges.jsonl.gz"
POLICY = Policy(tail=5000)
"""Recent events in memory, since a branch may be a thousand changes behind."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        run(options)
    except (Unusable, OSError, ComityError) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace) -> None:
    console, progress = Console(), Console(stderr=True)
    merges, skipped = read(options, progress)
    with ExitStack() as stack:
        folder = options.journal or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "db"
        domain = stack.enter_context(Domain.open(folder, deciders=[registry], policy=POLICY))
        done = play_all(domain, merges, progress)
        order = None
        if options.check_order:
            order = Order.of(done, play_all(domain, merges, progress, ours_first=True))
    if options.html is not None:
        options.html.write_text(page.report(done), encoding="utf-8")
    if options.json:
        print(json.dumps({**as_json(done, order), "skipped": skipped}, indent=1))
        return
    show(console, done, order)
    for reason, times in skipped.items():
        console.print(f"left out: {times} × {printable(reason)}", markup=False)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="git_merges", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--repo", type=Path, help="a local git repository")
    parser.add_argument("--file", help="the .yml or .json file in it, which maps names to fields")
    parser.add_argument("--check-order", action="store_true", help="also play ours first")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page about them")
    parser.add_argument("--journal", type=Path, help="keep the journal in this new directory")
    options = parser.parse_args(arguments)
    if (options.repo is None) != (options.file is None):
        parser.error("--repo and --file go together")
    if options.journal is not None and options.journal.exists():
        parser.error(f"{options.journal} is there already; name a new directory")
    if options.html is not None and not options.html.absolute().parent.is_dir():
        parser.error(f"--html: there is no folder {options.html.absolute().parent}")
    return options


def read(options: argparse.Namespace, progress: Console) -> tuple[list[Merge], dict[str, int]]:
    if options.repo is None:
        return list(recorded(recording(RECORDING))), {}
    repository = Repository(options.repo, options.file)
    commits = track(repository.commits(), "reading", console=progress, transient=True)
    merges = list(filter(None, map(repository.merge, commits)))
    return merges, dict(repository.skipped)


def play_all(
    domain: Domain, merges: Sequence[Merge], progress: Console, *, ours_first: bool = False
) -> list[Played]:
    playing = played(domain, merges, ours_first=ours_first)
    return list(track(playing, "playing", len(merges), console=progress, transient=True))


if __name__ == "__main__":
    sys.exit(main())
