"""A finding of a survey: two event classes whose footprints do not fit what they change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from comity.engine.messages.footprint import Footprint, show
from comity.engine.text import brief

if TYPE_CHECKING:
    from comity.engine.messages.message import Event


class Fit(StrEnum):
    """How a footprint does not fit what its event changes."""

    TOO_NARROW = "too narrow"
    """The later event overwrites what the earlier one changed, and they do not overlap."""
    TOO_WIDE = "too wide"
    """The two overlap, and never changed the same part of the state."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Two event classes whose footprints do not fit what they change, with an example."""

    fit: Fit
    later: str
    earlier: str
    pairs: int
    """How many pairs of such events were found."""
    paths: tuple[str, str]
    """The footprints of the example's later and earlier event."""
    parts: tuple[str, str]
    """What the example's later and earlier event changed in the state."""
    example: tuple[str, str]
    """The example's later and earlier event."""


def count(
    found: dict[tuple[str, str], Finding],
    fit: Fit,
    later: Event,
    earlier: Event,
    paths: tuple[Footprint, Footprint],
    parts: tuple[str, str],
) -> None:
    """Note one more pair of events; the first pair is the example."""
    pair = type(later).__name__, type(earlier).__name__
    known = found.get(pair)
    found[pair] = Finding(
        fit,
        *pair,
        1 if known is None else known.pairs + 1,
        (_touched(paths[0]), _touched(paths[1])) if known is None else known.paths,
        parts if known is None else known.parts,
        (brief(repr(later), 200), brief(repr(earlier), 200)) if known is None else known.example,
    )


def _touched(paths: Footprint) -> str:
    return ", ".join(map(show, paths)) or "nothing"
