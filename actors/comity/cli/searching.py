"""Plays many seeds for `comity simulate`, and tells the story of the first one that fails."""

from __future__ import annotations

import os

from comity.cli.console import show, show_json
from comity.cli.play_bar import PlayBar
from comity.cli.played import as_json
from comity.cli.playing import played, smallest
from comity.cli.seed_search import Asked, SeedSearch
from comity.cli.seeds_page import seeds_page
from comity.cli.wanted import Wanted
from comity.engine.runtime.system import monotonic
from comity.simulation import report


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def search(wanted: Wanted, seeds: range, processes: int) -> int:
    """Play many seeds until one fails, and tell the story of that one."""
    asked = Asked(wanted.script.name, wanted.people, wanted.hours)
    found, began, interrupted = SeedSearch(asked, seeds, processes), monotonic(), False
    with PlayBar(len(seeds), "seeds", json=wanted.json) as bar:
        try:
            found.run(lambda done, commands: bar.show("seeds", done, commands))
        except KeyboardInterrupt:
            interrupted = True
    took = monotonic() - began
    failed = found.failed
    run = None if failed is None else played(wanted, failed.seed)
    small = None if run is None else smallest(wanted, run)
    said = _search_text(found, seeds, took)
    if run is None:
        wanted.write(seeds_page(wanted.script.scenario.name, found.played, said))
    else:
        wanted.write(report(run, wanted.again(run.seed), small))
    if wanted.json:
        told = None if run is None else as_json(run, small)
        show_json(_search_json(found, seeds, took, told, interrupted=interrupted))
    else:
        show(said)
    return wanted.end([] if small is None else [small], interrupted=interrupted)


def _search_text(found: SeedSearch, seeds: range, took: float) -> str:
    done = len(found.played)
    commands = sum(one.attempts for one in found.played)
    refused = sum(one.refused for one in found.played)
    failed = "none failed" if found.failed is None else f"seed {found.failed.seed} failed"
    return (
        f"{done:,} of {len(seeds):,} seeds, {failed}; {commands:,} commands, {refused:,} refused; "
        f"{took:.1f} s, {done / max(took, 1e-9):.1f} seeds a second"
    )


def _search_json(
    found: SeedSearch, seeds: range, took: float, failed: object, *, interrupted: bool
) -> dict[str, object]:
    return {
        "seeds": len(seeds),
        "first": seeds.start,
        "played": len(found.played),
        "seconds": took,
        "commands": sum(one.attempts for one in found.played),
        "refused": sum(one.refused for one in found.played),
        "steps": sum(one.steps for one in found.played),
        "interrupted": interrupted,
        "failed": failed,
    }
