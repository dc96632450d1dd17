"""Paths, and which paths a message touches: what merging compares. Messages and merging use it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from comity.engine.errors import WiringError

Path: TypeAlias = tuple[object, ...]
"""A place inside an aggregate: `("card", "c1", "title")`. Everything below it belongs to it."""

Footprint: TypeAlias = tuple[Path, ...]
"""The paths that a message reads or changes. Empty means that it touches nothing."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The place in a pattern that a field of the message fills."""

    field: str

    def __str__(self) -> str:
        return f"{{{self.field}}}"


Pattern: TypeAlias = tuple["str | Hole", ...]
"""A path whose segments are literal or filled from fields: what a class says about its paths."""

_SEGMENT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}\Z")


def overlap(one: Path, other: Path) -> bool:
    """Whether one path is a prefix of the other: they name the same thing, or one is inside.

    Example:
        >>> overlap(("card", "c1"), ("card", "c1", "title"))
        True
        >>> overlap(("card", "c1"), ("card", "c2"))
        False
    """
    return one[: len(other)] == other[: len(one)]


def meeting(ours: Footprint, theirs: Footprint) -> Path | None:
    """The first place where two footprints overlap (the longer of the two paths), or `None`."""
    for one in ours:
        for other in theirs:
            if one[: len(other)] == other[: len(one)]:
                return one if len(one) >= len(other) else other
    return None


def fill(patterns: Sequence[Pattern], fields: Mapping[str, object]) -> Footprint:
    """The patterns with their holes filled from the fields."""
    # Through lists: they take 0.6 µs where generators take 0.8, and merging asks for every event.
    return tuple(
        [
            tuple([fields[part.field] if type(part) is Hole else part for part in pattern])
            for pattern in patterns
        ]
    )


def checked(footprint: Footprint) -> Footprint:
    """The footprint, if its paths are tuples: a list or a str would silently overlap nothing.

    Raises:
        TypeError: they are not.
    """
    for path in footprint:
        if type(path) is not tuple:
            msg = f"a footprint is a tuple of tuples such as (('card', 'c1'),); got {path!r} in one"
            raise TypeError(msg)
    return footprint


def may_overlap(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns can name overlapping paths: a hole may be filled with anything."""
    return all(
        isinstance(mine, Hole) or isinstance(theirs, Hole) or mine == theirs
        for mine, theirs in zip(one, other, strict=False)
    )


def infer(keys: Sequence[str], leaves: Sequence[str]) -> tuple[Pattern, ...]:
    """What a message touches by its fields alone: its keys name the thing, the rest is below it."""
    thing: Pattern = tuple(part for key in keys for part in (key, Hole(key)))
    return tuple((*thing, leaf) for leaf in leaves) or (thing,)


def parse(templates: object, fields: Iterable[str], where: str) -> tuple[Pattern, ...]:
    """Read templates such as `"cards/{card}/title"`: one, or a tuple of them.

    Args:
        templates: what the class says.
        fields: the names of those that can name a thing.
        where: names the class and its attribute in errors.

    Raises:
        WiringError: a template is malformed or names no such field.
    """
    known = sorted(fields)
    many = cast("tuple[object, ...]", templates if isinstance(templates, tuple) else (templates,))
    return tuple(_parse_one(template, known, where) for template in many)


def _parse_one(template: object, known: list[str], where: str) -> Pattern:
    pattern: list[str | Hole] = []
    for segment in template.split("/") if isinstance(template, str) else ("",):
        hole = _SEGMENT.match(segment)
        if hole:
            if hole[1] not in known:
                msg = (
                    f"{where}: {template!r} names the field {hole[1]!r}, and there is no such field"
                    f" that can name a thing; there is {', '.join(known) or 'none at all'}"
                )
                raise WiringError(msg)
            pattern.append(Hole(hole[1]))
        elif not segment or "{" in segment or "}" in segment:
            msg = (
                f"{where}: {template!r} is not a path; write segments with / between them, each a "
                "word or one {field}, such as 'cards/{card}/title'"
            )
            raise WiringError(msg)
        else:
            pattern.append(segment)
    return tuple(pattern)


def show(path: Path) -> str:
    """A path as people read it: `card/c1/title`; the whole aggregate is `/`."""
    return "/".join(map(str, path)) or "/"
