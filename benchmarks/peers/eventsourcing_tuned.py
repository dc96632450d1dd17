# pyright: basic, reportMissingImports=false
"""`eventsourcing` as its users tune it: boards cached, and one lock for each, so no conflicts."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.eventsourcing_board import BoardsTuned, EventsourcingBoards


def open_board(folder: Path, *, read_model: bool) -> EventsourcingBoards:
    """Open the contender in an empty folder."""
    return EventsourcingBoards(folder, BoardsTuned, read_model=read_model, tuned=True)
