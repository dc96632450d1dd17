# pyright: basic, reportMissingImports=false
"""`eventsourcing` with default settings: a command loads its board; conflicts are retried."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.eventsourcing_board import BoardsAsInstalled, EventsourcingBoards


def open_board(folder: Path, *, read_model: bool) -> EventsourcingBoards:
    """Open the contender in an empty folder."""
    return EventsourcingBoards(folder, BoardsAsInstalled, read_model=read_model, tuned=False)
