"""Converts an aggregate's state to a snapshot and back. Each decider has one."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Generic, TypeVar, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from comity.engine.messages.code import code_of

S = TypeVar("S")

_log = logging.getLogger("comity")


class StateCodec(Generic[S]):
    """Packs states of one type as JSON, and computes a hash of their schema.

    The hash covers the state's fields, the code of `evolve`, whether it takes `at`, and `reading`,
    the code that reads stored events: a snapshot with another hash, from an older program, is not
    used. It does not cover the functions that these call: increase the decider's `revision` when a
    change in one of them changes the state.
    """

    def __init__(
        self,
        kind: type[S],
        evolve: Callable[..., object],
        revision: int,
        *,
        takes_at: bool = False,
        reading: bytes = b"",
    ) -> None:
        self._adapter: TypeAdapter[S] | None
        self._kind = kind
        self._complained = False
        try:
            self._adapter = TypeAdapter(kind)
            described = repr(self._adapter.json_schema())
        except (PydanticUserError, TypeError, ValueError):
            # Without a snapshot the state is rebuilt from its events, which is always right.
            self._adapter, described = None, kind.__qualname__
        digest = hashlib.sha256(f"{revision}:{described}:{'at' * takes_at}".encode())
        digest.update(code_of(evolve))
        digest.update(reading)
        self.schema = digest.hexdigest()[:16]

    def pack(self, state: S) -> bytes | None:
        """The state as bytes, or None if `unpack` would not return the same state.

        Equality is not enough: a defaultdict that returns as a dict, or one list in two places that
        returns as two lists, would behave differently from the state in memory.
        """
        data = self._packed(state)
        if data is None and not self._complained:
            self._complained = True
            _log.warning(
                "%s: no snapshots are kept, so looking and loading read every event: the state "
                "does not come back from JSON as it was; keep texts, numbers, lists, and dicts "
                "with keys of text in it",
                self._kind.__qualname__,
            )
        return data

    def _packed(self, state: S) -> bytes | None:
        if self._adapter is None:
            return None
        try:
            data = self._adapter.dump_json(state, warnings="error")
            back = self._adapter.validate_json(data)
            return data if back == state and _alike(back, state, set()) else None
        except Exception:  # the domain's validators, serialisers and __eq__ may run
            return None

    def unpack(self, data: bytes) -> S | None:
        """The state that was packed, or None if the bytes do not fit the type."""
        if self._adapter is None:
            return None
        try:
            return self._adapter.validate_json(data)
        except Exception:  # as in pack
            return None


def _alike(one: object, other: object, met: set[int]) -> bool:
    """Whether all parts of two equal states are equal and have the same types.

    A state's own `__eq__` may compare only some of them. No mutable part may occur twice: `met`
    holds the ids of the mutable parts of `other` so far.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, _LEAVES):
        return one == other
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
    """Whether the part is mutable."""
    if isinstance(part, BaseModel):
        return not part.model_config.get("frozen")
    if is_dataclass(part):
        return not getattr(type(part), "__dataclass_params__").frozen  # noqa: B009 - typeshed lacks it
    return isinstance(part, (dict, list, set, deque))


def _parts(whole: object) -> list[object] | None:
    """The direct parts of a container or record, in order; None for a leaf."""
    if isinstance(whole, dict):
        held = cast("dict[object, object]", whole)
        return [*held, *held.values(), getattr(held, "default_factory", None)]
    if isinstance(whole, (list, tuple, deque)):
        items = cast("list[object]", whole)
        return [*items, getattr(items, "maxlen", None)]
    if is_dataclass(whole):
        return [getattr(whole, each.name) for each in fields(whole)]
    if isinstance(whole, BaseModel):
        return [*vars(whole).values(), whole.__pydantic_private__, whole.__pydantic_extra__]
    return None
