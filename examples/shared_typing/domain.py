"""A text that several people edit at once: one command, one event, and a transform for edits.

Copy `step` to give your own text fields the same behaviour; `play.py` runs a recorded session.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from comity.engine import Authors, Command, Decider, Event, Rejected, transform

Patch: TypeAlias = tuple[int, int, str]
"""A position, the number of characters to delete there, and the text to insert."""

Patches: TypeAlias = tuple[Patch, ...]
"""Patches in order, without overlaps; all positions refer to the text before the edit."""


@dataclass
class Document:
    text: str = ""


def step(message: Edit | Edited, over: Edit | Edited, authors: Authors) -> Edit | Edited:
    """The edit, transformed to apply after `over`.

    If two people type at the same place, the same author's text comes first for both.
    """
    patches = move(message.patches, over.patches, first=authors.message < authors.over)
    return message if patches == message.patches else type(message)(patches=patches)


class Edit(Command):
    patches: Patches
    touches = "text"
    on_conflict = transform(step)


class Edited(Event):
    patches: Patches
    touches = "text"


def decide(document: Document, command: Edit) -> Iterator[Edited]:
    end = 0
    for at, deleted, _ in command.patches:
        if at < end or deleted < 0:
            raise Rejected(f"expected patches in order and without overlaps, got {command.patches}")
        end = at + deleted
    if end > len(document.text):
        raise Rejected(f"the text has {len(document.text)} characters, the edit reaches {end}")
    # An edit without remaining effect still gives an event, so that versions count edits.
    yield Edited(patches=command.patches)


def evolve(document: Document, event: Edited) -> Document:
    for at, deleted, typed in reversed(event.patches):
        document.text = document.text[:at] + typed + document.text[at + deleted :]
    return document


def move(mine: Patches, theirs: Patches, *, first: bool) -> Patches:
    """My patches, transformed for the text after theirs; `first`: mine come first at a tie."""
    moved: list[Patch] = []
    for at, deleted, typed in mine:
        if typed:
            moved.append((_place(at, theirs, before=first), 0, typed))
        for start, length in _remains(at, deleted, theirs):
            if moved and moved[-1][0] + moved[-1][1] == start:  # join adjacent patches
                moved[-1] = (moved[-1][0], moved[-1][1] + length, moved[-1][2])
            else:
                moved.append((start, length, ""))
    return tuple(moved)


def _place(at: int, theirs: Patches, *, before: bool) -> int:
    """A position after their patches: before or after the text that they inserted there."""
    place = at
    for start, deleted, typed in theirs:
        if start > at or (start == at and before):
            break
        place += len(typed) - min(deleted, at - start)
    return place


def _remains(at: int, deleted: int, theirs: Patches) -> Iterator[tuple[int, int]]:
    """The ranges of a deletion that still exist, without the text that they inserted."""
    if not deleted:
        return
    end = at + deleted
    for start, gone, typed in theirs:
        if start >= end:
            break
        if start > at and (typed or gone):
            yield _place(at, theirs, before=False), start - at
        at = max(at, min(start + gone, end))
    if at < end:
        yield _place(at, theirs, before=False), end - at


document = Decider("document", Document, decide, evolve)


def together(turns: Iterable[Patch]) -> Patches:
    """Combine patches that were applied one after the other into one edit."""
    pieces: list[tuple[int, int] | str] = [(0, sys.maxsize)]  # ranges of the old text, and new text
    for at, deleted, typed in turns:
        before, rest = _cut(pieces, at)
        _, after = _cut(rest, deleted)
        pieces = [*before, typed, *after]
    patches: list[Patch] = []
    end, typed = 0, ""
    for piece in pieces:
        if isinstance(piece, str):
            typed += piece
            continue
        if typed or piece[0] > end:
            patches.append((end, piece[0] - end, typed))
        end, typed = piece[1], ""
    return tuple(patches)


def _cut(
    pieces: list[tuple[int, int] | str], at: int
) -> tuple[list[tuple[int, int] | str], list[tuple[int, int] | str]]:
    """Split the pieces into the first `at` characters and the rest."""
    for index, piece in enumerate(pieces):
        length = len(piece) if isinstance(piece, str) else piece[1] - piece[0]
        if at < length:
            if isinstance(piece, str):
                left, right = piece[:at], piece[at:]
                return [*pieces[:index], left], [right, *pieces[index + 1 :]]
            middle = piece[0] + at
            return [*pieces[:index], (piece[0], middle)], [(middle, piece[1]), *pieces[index + 1 :]]
        at -= length
    return pieces, []
