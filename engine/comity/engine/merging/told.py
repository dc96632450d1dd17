"""Checks from a function's signature whether it takes an optional last parameter."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

from comity.engine.errors import WiringError
from comity.engine.messages.unions import members

if TYPE_CHECKING:
    from collections.abc import Sequence

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def is_told(function: Callable[..., object], kind: type, usual: str, where: str) -> bool:
    """Whether the function has one more parameter than usual, annotated with `kind`.

    Args:
        function: the domain's function.
        kind: the class of the optional parameter.
        usual: the names of the usual parameters, such as `state, command`.
        where: the beginning of the error.

    Raises:
        WiringError: it has other parameters, or is not a function.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        msg = f"{where}: expected a function ({usual}), got {function!r}"
        raise WiringError(msg) from None
    more = [one for one in parameters if one.kind in _POSITIONAL][usual.count(",") + 1 :]
    named = [one for one in parameters if _is_needed(function, one, kind, where)]
    if not more and not named:
        return False
    if len(more) == 1 and not named and kind in _meant(function, more[0], kind, where):
        return True
    name = kind.__name__
    msg = (
        f"{where}: expected ({usual}) or ({usual}, {name.lower()}: {name}), "
        f"got ({', '.join(map(str, parameters))})"
    )
    raise WiringError(msg)


def _is_needed(
    function: Callable[..., object], parameter: inspect.Parameter, kind: type, where: str
) -> bool:
    """Whether the parameter would have to be passed by name, which comity never does.

    This is so if it is keyword-only, and has no default or is annotated with `kind`: then it would
    always get its default. In a `partial` that default may be intended.
    """
    if parameter.kind is not parameter.KEYWORD_ONLY:
        return False
    if parameter.default is parameter.empty:
        return True
    return not isinstance(function, partial) and kind in _meant(function, parameter, kind, where)


def _meant(
    function: Callable[..., object], parameter: inspect.Parameter, kind: type, where: str
) -> Sequence[object]:
    """Return the classes that the parameter's annotation names.

    Other parameters' annotations are not read: a step's messages may be defined after the step.
    """
    function = inspect.unwrap(function)
    while isinstance(function, partial):
        function = function.func
    code = function if hasattr(function, "__globals__") else type(function).__call__
    named = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        hints = typing.get_type_hints(named, getattr(code, "__globals__", {}))
    except NameError as error:
        msg = (
            f"{where}: {error.name!r} is not there at run time; import {kind.__name__} outside of "
            "TYPE_CHECKING"
        )
        raise WiringError(msg) from None
    return members(hints[parameter.name])
