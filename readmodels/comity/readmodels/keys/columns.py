"""Finds the fields of a row that a function reads, from its code. Indexes and figures use it.

A function that reads only fields that did not change gives what it gave before, without a call.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

_LOADS: Final = frozenset(["LOAD_FAST", "LOAD_FAST_BORROW"])
"""The instructions that load a variable and do nothing else."""

_HIDING: Final = frozenset(["eval", "exec", "locals", "vars"])
"""Functions that may read the row although no instruction loads it."""


def columns_read(function: Callable[..., object], names: frozenset[str]) -> tuple[str, ...] | None:
    """The fields, of those in `names`, that a function of a row reads.

    None if the code does anything with the row but read its fields: calling a method, reading a
    property, or passing the row on, also to code in a text.
    """
    code = function.__code__ if isinstance(function, types.FunctionType) else None
    if code is None or code.co_argcount == 0 or not _HIDING.isdisjoint(code.co_names):
        return None
    row, found = code.co_varnames[0], set[str]()
    for step, after in pairwise(dis.get_instructions(code)):
        named: object = step.argval
        if named != row and not (isinstance(named, tuple) and row in named):
            continue
        if step.opname not in _LOADS or after.opname != "LOAD_ATTR" or after.argval not in names:
            return None
        found.add(after.argval)
    return tuple(sorted(found))


def same_columns(columns: Sequence[str] | None, one: object | None, other: object | None) -> bool:
    """Whether two rows hold the very same objects in these columns; equal ones are not enough.

    False if the columns are not known, or if there is no row.
    """
    if columns is None or one is None or other is None:
        return False
    fields, others = one.__dict__, other.__dict__
    return False not in [fields[name] is others[name] for name in columns]  # `all` takes longer
