"""How an aggregate's state becomes a snapshot and comes back. Deciders carry one."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Generic, TypeVar, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from comity.engine.messages.code import code_of

S = TypeVar("S")


class StateCodec(Generic[S]):
    """Packs states of one type as JSON, and names their schema.

    The schema's hash covers the state's fields and the code of `evolve`, so that a snapshot made
    by an older program is not used but rebuilt. Functions that `evolve` calls are not covered:
    raise the decider's `revision` when one of those changes what a state means.
    """

    def __init__(self, kind: type[S], evolve: Callable[..., object], revision: int) -> None:
        self._adapter: TypeAdapter[S] | None
        try:
            self._adapter = TypeAdapter(kind)
            described = repr(self._adapter.json_schema())
        except (PydanticUserError, TypeError, ValueError):
            # A state that pydantic cannot describe is rebuilt from its events: always right.
            self._adapter, described = None, kind.__qualname__
        digest = hashlib.sha256(f"{revision}:{described}:".encode())
        digest.update(code_of(evolve))
        self.schema = digest.hexdigest()[:16]

    def pack(self, state: S) -> bytes | None:
        """The state as bytes, or None where it would not come back as it is.

        Equal is not enough: a defaultdict that comes back as a dict, or two names for one list
        that come back as two lists, would go on otherwise than the state in memory.
        """
        if self._adapter is None:
            return None
        try:
            data = self._adapter.dump_json(state, warnings="error")
            back = self._adapter.validate_json(data)
            return data if back == state and _alike(back, state, set()) else None
        except Exception:  # validators, serialisers and __eq__ of the domain's own may run
            return None

    def unpack(self, data: bytes) -> S | None:
        """The state again, or None where the bytes do not fit."""
        if self._adapter is None:
            return None
        try:
            return self._adapter.validate_json(data)
        except Exception:  # as in pack
            return None


def _alike(one: object, other: object, met: set[int]) -> bool:
    """Whether equal states are of the same types throughout.

    What can be changed in place must not be met twice: `met` has the ids of those in `other`.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, _LEAVES):
        return True
    if _changes(other):
        if id(other) in met:
            return False
        met.add(id(other))
    ours, theirs = _parts(one), _parts(other)
    if ours is None or theirs is None:
        return one == other
    return len(ours) == len(theirs) and all(
        _alike(mine, yours, met) for mine, yours in zip(ours, theirs, strict=True)
    )


_LEAVES = (str, int, float, bytes, type(None), Enum)


def _changes(part: object) -> bool:
    """Whether it can be changed in place."""
    if isinstance(part, BaseModel):
        return not part.model_config.get("frozen")
    if is_dataclass(part):
        return not getattr(type(part), "__dataclass_params__").frozen  # noqa: B009 - typeshed lacks it
    return isinstance(part, (dict, list, set, deque))


def _parts(whole: object) -> list[object] | None:
    """What it is made of, in its own order; None for a leaf."""
    if isinstance(whole, dict):
        held = cast("dict[object, object]", whole)
        return [*held, *held.values(), getattr(held, "default_factory", None)]
    if isinstance(whole, (list, tuple, deque)):
        items = cast("list[object]", whole)
        return [*items, getattr(items, "maxlen", None)]
    if is_dataclass(whole):
        return [getattr(whole, each.name) for each in fields(whole)]
    return list(vars(whole).values()) if isinstance(whole, BaseModel) else None
