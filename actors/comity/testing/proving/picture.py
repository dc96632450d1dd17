"""Pictures of states: what is in them, place by place, to compare them and to tell differences."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Final, TypeAlias, cast

from pydantic import BaseModel

from comity.engine.text import brief

Place: TypeAlias = tuple[str, ...]
Picture: TypeAlias = Mapping[Place, str]
"""The value at each place of a state, as text. Later changes of the state do not change it."""

DEEPEST: Final = 40
"""States nested deeper than this are cut, so that a state that contains itself has a picture."""


def picture(state: object) -> Picture:
    """Return the value at each place of a state: keys of dicts and fields of records are places."""
    return dict(_places(state, ()))


def unlike(one: Picture, other: Picture) -> list[Place]:
    """Return the places where two pictures differ."""
    return [place for place in {**one, **other} if one.get(place) != other.get(place)]


def show(place: Place) -> str:
    """A place as text: `cards/c1/title`; the whole state is `the state`."""
    return "/".join(place) or "the state"


def told(one: Picture, other: Picture, names: tuple[str, str]) -> str:
    """Say where two pictures differ, at most at three places.

    Args:
        one: a picture.
        other: another one.
        names: what to call the two, such as `("live", "after a replay")`.
    """
    places = unlike(one, other)
    said = [
        f"{show(place)} is {_at(one, place)} {names[0]} and {_at(other, place)} {names[1]}"
        for place in places[:3]
    ]
    more = len(places) - len(said)
    return "; ".join(said) + (f"; and {more} more differences" if more else "")


def at(one: Picture, place: Place) -> str:
    """The value at a place, for people."""
    return _at(one, place)


def _at(one: Picture, place: Place) -> str:
    return brief(one[place], 120) if place in one else "not there"


def _places(value: object, here: Place) -> Iterator[tuple[Place, str]]:
    parts = _parts(value) if len(here) < DEEPEST else None
    if not parts:
        yield here, text(value)
        return
    for name, part in parts.items():
        yield from _places(part, (*here, name))


def _parts(value: object) -> dict[str, object] | None:
    """Return the parts of a value that have names; None if it is a leaf, or a list or set."""
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {key if isinstance(key, str) else repr(key): part for key, part in items}
    return _fields(value)


def _fields(value: object) -> dict[str, object] | None:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        names = cast("tuple[str, ...]", getattr(parts, "_fields", ()))
        return dict(zip(names, parts, strict=True)) if names else None
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    has_names = type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__")
    return dict(vars(value)) if has_names else None


def text(value: object, depth: int = DEEPEST) -> str:
    """A value as text: equal values of the same types give the same text, in any order of sets."""
    if depth == 0:
        return "..."
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        pairs = sorted(f"{text(key, depth - 1)}: {text(part, depth - 1)}" for key, part in items)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (set, frozenset)):
        members = sorted(text(one, depth - 1) for one in cast("set[object]", value))
        return f"{{{', '.join(members)}}}" if members else "set()"
    if (named := _fields(value)) is not None:
        inside = ", ".join(f"{name}={text(part, depth - 1)}" for name, part in named.items())
        return f"{type(value).__name__}({inside})"
    if isinstance(value, (list, tuple, deque)):
        inside = ", ".join(text(one, depth - 1) for one in cast("list[object]", value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return repr(value)


def leaves(value: object, depth: int = DEEPEST) -> Iterator[object]:
    """Yield the plain values in a state, also the keys of its dicts, in a fixed order."""
    if depth == 0:
        return
    if isinstance(value, dict):
        for key, part in cast("dict[object, object]", value).items():
            yield from leaves(key, depth - 1)
            yield from leaves(part, depth - 1)
    elif isinstance(value, (set, frozenset)):
        for one in sorted(cast("set[object]", value), key=text):
            yield from leaves(one, depth - 1)
    elif (named := _fields(value)) is not None:
        for part in named.values():
            yield from leaves(part, depth - 1)
    elif isinstance(value, (list, tuple, deque)):
        for one in cast("list[object]", value):
            yield from leaves(one, depth - 1)
    else:
        yield value
