"""A service desk's year: 2,000 incidents, and people whose views are some minutes old.

It is played in virtual time, once for each age of the views; then every final record is compared
with the recorded one.

Run it: python -m examples.incident_desk [--minutes 10 60] [--html desk.html]
By other rules: comity simulate examples/incident_desk/scenario.py --compare
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a folder: python examples/incident_desk
    sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.incident_desk import page
from examples.incident_desk.figures import Figures, play
from examples.incident_desk.live import Counters
from examples.incident_desk.year import Year
from rich.console import Console
from rich.table import Table

from comity.engine.text import duration, printable

AGES = (1, 5, 10, 30, 60, 240)
INTERRUPTED = 130
"""The usual exit code after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        year = Year.recorded()
    except FileNotFoundError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    console = Console()
    plays = play_all(console, year, options.minutes)
    if plays:
        show(console, year, plays, options.examples)
    else:
        console.print("interrupted before the first play had ended")
    if plays and options.html is not None:
        options.html.write_text(page.report(year, plays), encoding="utf-8")
        console.print(f"\nthe page: {printable(str(options.html))}", markup=False)
    return 0 if len(plays) == len(options.minutes) else INTERRUPTED


def play_all(console: Console, year: Year, ages: Sequence[int]) -> list[Figures]:
    """Play the year for each age of the views; Ctrl-C ends it after the last whole play."""
    plays: list[Figures] = []
    with Counters(console, ages) as counters:
        for number, minutes in enumerate(ages):
            played = play(year, minutes, counters.watch(number))
            if played.run.interrupted:
                break
            plays.append(played)
    return plays


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="incident_desk", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--minutes", type=age, nargs="+", default=AGES, metavar="L",
        help="how old the views are; 0: new",
    )  # fmt: skip
    parser.add_argument("--examples", type=int, default=2, help="conflicts to tell for each age")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    options = parser.parse_args(arguments)
    if options.html is not None and not options.html.absolute().parent.is_dir():
        parser.error(f"--html: there is no folder {options.html.absolute().parent}")
    return options


def age(text: str) -> int:
    minutes = int(text)
    if minutes < 0:
        raise argparse.ArgumentTypeError(f"expected minutes, 0 or more, got {text}")
    return minutes


def show(console: Console, year: Year, plays: Sequence[Figures], examples: int) -> None:
    console.print(table(year, plays))
    console.print(page.agreement(year, plays))
    for one in plays:
        if examples and one.conflicts:
            console.print(f"\nviews {one.title} old, some of {len(one.conflicts)} conflicts:")
        for told in page.told(one, examples):
            console.print(f"  {printable(told)}", markup=False, soft_wrap=True)
    took = sum(one.run.took for one in plays)
    console.print(f"\n{len(plays)} × {plays[0].run.seconds / 86_400:.0f} days in {duration(took)}")


def table(year: Year, plays: Sequence[Figures]) -> Table:
    shown = Table(title=f"{len(year.records):,} incidents, beside the expected figures")
    shown.add_column("views", no_wrap=True)
    for name in (
        "updates", "on an old view", "expected", "refused", "expected", "final values that differ"
    ):  # fmt: skip
        shown.add_column(name, justify="right")
    for one in plays:
        expected = year.expected.get(one.minutes)
        reference = ("–", "–") if expected is None else (expected.stale, expected.conflicts)
        cells = (
            len(one.first), one.stale, reference[0], len(one.conflicts), reference[1],
            one.records_differing,
        )  # fmt: skip
        told = [f"{cell:,}" if isinstance(cell, int) else cell for cell in cells]
        shown.add_row(f"{one.title} old" if one.minutes else "new", *told)
    return shown


if __name__ == "__main__":
    sys.exit(main())
