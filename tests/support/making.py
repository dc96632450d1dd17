"""Makes message classes on the spot, so that a test can show one with a mistake in it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import TypeVar

from comity.engine import Value

V = TypeVar("V", bound=Value)


def make(
    base: type[V],
    fields: Mapping[str, object] | None = None,
    said: Mapping[str, object] | None = None,
    name: str = "Made",
) -> type[V]:
    """What `class Made(base)` with these annotated fields, and saying this, gives."""
    body = {"__annotations__": dict(fields or {}), "__module__": __name__, **(said or {})}
    made: type[V] = types.new_class(name, (base,), exec_body=lambda space: space.update(body))
    return made
