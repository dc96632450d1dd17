"""Judges the notes of several programs: nothing that was receipted is lost, and nobody hung."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

from tests.crash.reaching.pack import Stop
from tests.crash.reaching.sharer import Note

from comity.engine.journal.lmdb_journal import LmdbJournal

AFTER = 1_000_000_000
"""Nanoseconds after a stop for which others may still wait because of it."""


def wrong_notes(notes: Iterable[Note], journal: Path) -> Iterator[str]:
    """Say what was receipted and is not there so, what is there twice, and what was raised."""
    notes, positions = list(notes), dict[str, int]()
    ending = {note.life for note in notes if note.what == "ending"}
    opened = LmdbJournal.open(journal, read_only=True)
    try:
        for record in opened.read_all():
            if record.command_id in positions:
                yield f"{record.command_id} took effect twice"
            positions[record.command_id] = record.last_position
    finally:
        opened.close()
    for note in notes:
        if note.is_receipt and positions.get(note.what) != int(note.told):
            at = positions.get(note.what)
            yield f"{note.what} was told position {note.told}, and is stored at {at}"
        if note.what == "broken" or (note.what == "read" and not _may_be(note, ending)):
            yield f"life {note.life}, {note.what}: {note.told}"


def _may_be(note: Note, ending: Container[int]) -> bool:
    """Whether a read may end so: with a position, or because its program was asked to end.

    A read that waits then ends as one that waits for a model which gets no more events.
    """
    return note.told.isdigit() or (note.told in {"Closed", "Behind"} and note.life in ending)


def figures_of(notes: Sequence[Note]) -> Counter[str]:
    """Count what was told."""
    return Counter(note.told if not note.told.isdigit() else _kind(note) for note in notes)


def _kind(note: Note) -> str:
    return "reads of own writes" if note.what == "read" else "receipts"


def pauses(notes: Iterable[Note], stops: Sequence[Stop]) -> tuple[list[float], list[float]]:
    """The seconds that commands took, sorted: those while nobody was stopped, and the others.

    Those of a program that was itself stopped meanwhile are left out.
    """
    well: list[float] = []
    stopped: list[float] = []
    for note in notes:
        met = [one for one in stops if note.start < one.end + AFTER and note.end > one.start]
        if note.is_command and all(one.life != note.life for one in met):
            (stopped if met else well).append((note.end - note.start) / 1e9)
    return sorted(well), sorted(stopped)
