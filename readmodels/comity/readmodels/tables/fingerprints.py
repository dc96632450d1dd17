"""Hashes of what a read model is made of: code, columns and their types. Its schema uses them."""

from __future__ import annotations

import hashlib
import types
import typing
from collections.abc import Callable, Sequence
from enum import Enum

from pydantic import BaseModel

from comity.engine.errors import WiringError
from comity.engine.messages.code import code_of
from comity.engine.messages.fields import bare


def code_parts(model: str, *functions: Callable[..., object]) -> list[bytes]:
    """The code of these functions, without their docstrings.

    Raises:
        WiringError: one has no Python code; the text names the model.
    """
    code = [code_of(_without_docstring(function)) for function in functions]
    if not all(code):
        msg = (
            f"{model}: {functions[code.index(b'')]!r} has no Python code, so changes in it "
            "could not be noticed: write a lambda or a function"
        )
        raise WiringError(msg)
    return code


def _without_docstring(function: Callable[..., object]) -> Callable[..., object]:
    if not isinstance(function, types.FunctionType):
        return function
    code = function.__code__
    if function.__doc__ is None or code.co_consts[:1] != (function.__doc__,):
        return function
    code = code.replace(co_consts=(None, *code.co_consts[1:]))
    return types.FunctionType(code, {}, closure=function.__closure__)


def columns_text(row: type[BaseModel]) -> str:
    """The fields and their types, including nested records and the values of Enums."""
    return repr([(name, _type(info.annotation)) for name, info in row.model_fields.items()])


def types_of(row: type[BaseModel]) -> list[str]:
    """A hash of the type of each field, in order."""
    return [hash_of([_type(info.annotation)]) for info in row.model_fields.values()]


def _type(annotation: object) -> str:
    if (inner := bare(annotation)) is not annotation and not typing.get_args(annotation):
        return f"{annotation!r}[{_type(inner)}]"  # a NewType, or an alias
    parts = "".join(map(_type, typing.get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        parts = columns_text(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        parts = repr([member.value for member in annotation])
    return f"{annotation!r}[{parts}]"


def hash_of(parts: Sequence[object]) -> str:
    """A hash of these parts: bytes, or anything by its text."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
