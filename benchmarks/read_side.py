"""Measures the read side with the task board; each figure has a floor from the same run.

    python -m benchmarks.read_side [--quick | --standard] [--only NAME...] [--path DIR] [--json]

query: point queries, pages and counts, compared with bare py-lmdb and msgpack on the same bytes;
other processes that read while commands run. rebuild: building a model of a million events,
compared with scanning and decoding them; its effect on commands. keep-up: how far three models
fall behind 64 clients at full speed. own-writes: a command, then a read that must include it, in
this and in another process. watchers: 10,000 in one event loop.

Every part checks its answers against the fold of the events; a wrong run ends there. The first two
parts share a journal that is filled without actors. The whole run takes a quarter of an hour,
`--quick` two minutes, `--standard` something in between.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import read_keep_up, read_own_writes, read_query, read_rebuild, read_watchers
from benchmarks.read_board import fill
from benchmarks.read_table import FULL, QUICK, STANDARD, Scale, Table

PARTS = ("query", "rebuild", "keep-up", "own-writes", "watchers")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, fewer rounds")
    parser.add_argument("--standard", action="store_true", help="a third of the events")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="NAME")
    parser.add_argument("--path", type=Path, help="a directory on the disk to measure")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    table = Table(say=not chosen.json)
    scale = QUICK if chosen.quick else STANDARD if chosen.standard else FULL
    with tempfile.TemporaryDirectory(dir=chosen.path) as folder:
        measure(table, scale, Path(folder), chosen.only)
    if chosen.json:
        print(json.dumps(table.report()))


def measure(table: Table, scale: Scale, folder: Path, parts: Sequence[str]) -> None:
    """Measure these parts in this folder, which is empty."""
    if "query" in parts or "rebuild" in parts:
        filled = folder / "filled"
        expected = fill(filled, scale.events)
        gc.collect()
        gc.freeze()  # the collector need not visit the expected answers
        if "rebuild" in parts:
            shutil.copytree(filled, folder / "rebuild")
            read_rebuild.run(table, scale, folder / "rebuild", expected)
            shutil.rmtree(folder / "rebuild")
        if "query" in parts:
            read_query.run(table, scale, filled, expected)
        shutil.rmtree(filled)
    if "keep-up" in parts:
        read_keep_up.run(table, scale, folder)
    if "own-writes" in parts:
        read_own_writes.run(table, scale, folder)
    if "watchers" in parts:
        read_watchers.run(table, scale, folder)


if __name__ == "__main__":
    main()
