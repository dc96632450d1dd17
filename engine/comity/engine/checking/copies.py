"""Copies of states that share nothing with the original, also not through their classes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

from comity.engine.checking.parts import Part, of_class, walk
from comity.engine.errors import CheckFailed, Fault
from comity.engine.text import told

S = TypeVar("S")


def copied(state: S) -> S:
    """Return a copy of the state. What it shares through its class becomes its own.

    Raises:
        CheckFailed: the state cannot be copied.
    """
    try:
        made = copy.deepcopy(state)
        for _, value in walk(made):
            for name, shared in of_class(value).items():
                object.__setattr__(value, name, copy.copy(shared))
    except Exception as error:  # the domain's own __deepcopy__ or __setattr__
        msg = (
            f"a state of type {type(state).__qualname__} cannot be copied, so nothing can be "
            f"checked: copy.deepcopy raised {type(error).__name__}: {told(error, 200)}; keep plain "
            "values, dataclasses or pydantic models in it, or open the domain without checked=True"
        )
        raise CheckFailed(Fault.STATE_NOT_COPIED, msg) from None
    return made


def shared_parts(initial: Callable[[], object]) -> tuple[Part, ...]:
    """Return the parts that two new states have in common: a change of one would change both."""
    one, other = initial(), initial()
    held = {id(value) for _, value in walk(one)}
    return tuple(part for part, value in walk(other) if id(value) in held and _may_change(value))


def _may_change(value: object) -> bool:
    return not isinstance(value, (tuple, frozenset))
