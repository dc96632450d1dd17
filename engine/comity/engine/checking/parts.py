"""The parts of a state, whatever it is made of.

A state may be a dataclass, a pydantic model, any other object, and dicts, lists and sets of them.
The name of a part is the way to it: `("cards", "c1", "title")`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Final, TypeAlias, cast

from pydantic import BaseModel

from comity.engine.checking.classes import (
    ATOMS,
    LEAVES,
    cached_names,
    is_simple,
    is_value,
    of_class,
    slots_of,
)

Part: TypeAlias = tuple[object, ...]
"""The way to a part of a state: keys, names of attributes, indexes, members of sets."""


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
"""The value of a part that a state does not have."""


def children(whole: object) -> Mapping[object, object] | None:
    """Return the direct parts of a value; None if it is a leaf, without parts."""
    kind: type = type(whole)
    if kind in ATOMS:
        return None
    if is_simple(kind):
        return cast("Mapping[object, object]", vars(whole))
    return _children(whole)


def _children(whole: object) -> Mapping[object, object] | None:
    if isinstance(whole, LEAVES):
        return None
    if isinstance(whole, Mapping):
        return cast("Mapping[object, object]", whole)
    if isinstance(whole, (list, tuple, deque)):
        return dict(enumerate(cast("Sequence[object]", whole)))
    if isinstance(whole, (set, frozenset)):
        return dict.fromkeys(cast("set[object]", whole), True)
    held: dict[object, object] = dict(_attributes(whole))
    return held or None


def _attributes(whole: object) -> Iterator[tuple[str, object]]:
    kind: type = type(whole)
    if isinstance(whole, BaseModel):
        yield from (whole.__pydantic_private__ or {}).items()
        yield from (whole.__pydantic_extra__ or {}).items()
    elif not is_dataclass(whole) and is_value(kind):
        return
    yield from of_class(whole).items()
    yield from ((name, getattr(whole, name)) for name in slots_of(kind) if hasattr(whole, name))
    cached = cached_names(kind)
    yield from (
        (name, value)
        for name, value in getattr(whole, "__dict__", {}).items()
        if name not in cached
    )


def at(state: object, part: Part) -> object:
    """Return the value of a part; `MISSING` if the state has no such part."""
    for key in part:
        held = children(state) or {}
        if key not in held:
            return MISSING
        state = held[key]
    return state


def show_part(part: Part) -> str:
    """A part as text: `cards/c1/title`; the whole state is `the state`."""
    return "/".join(map(str, part)) or "the state"


def is_shared(state: object) -> bool:
    """Whether several aggregates may have this one object as their state: a number, a tuple."""
    return children(state) is None or isinstance(state, (tuple, frozenset))


def walk(state: object) -> Iterator[tuple[Part, object]]:
    """Yield each value in a state that has parts or may get some, once, from the top."""
    met = set[int]()
    waiting: list[tuple[Part, object]] = [((), state)]
    while waiting:
        way, value = waiting.pop()
        held = children(value)
        if held is not None and id(value) not in met:
            met.add(id(value))
            yield way, value
            waiting += [((*way, key), each) for key, each in held.items()]
