"""How an aggregate's state becomes a snapshot and comes back. Deciders carry one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from comity.engine.code import code_of

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
        """The state as bytes, or None where it would not come back equal."""
        if self._adapter is None:
            return None
        try:
            data = self._adapter.dump_json(state, warnings="error")
            return data if self._adapter.validate_json(data) == state else None
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
