"""The compiled code of a function as bytes. Schema hashes include it, to detect changed code."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import cast


def code_of(function: Callable[..., object]) -> bytes:
    """The function's compiled code without file names and line numbers; empty if it has none.

    The functions that it calls are not included. Python versions compile differently.
    """
    code: object = getattr(function, "__code__", None)
    return _bytes_of(code) if isinstance(code, types.CodeType) else b""


def _bytes_of(code: types.CodeType) -> bytes:
    parts = [code.co_code, repr(code.co_names).encode()]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            parts.append(_bytes_of(constant))
        elif isinstance(constant, frozenset):  # `in {"a", "b"}`: each process orders it anew
            members = cast("frozenset[object]", constant)
            parts.append(repr(sorted(map(repr, members))).encode())
        else:
            parts.append(repr(constant).encode())
    return b"|".join(parts)
