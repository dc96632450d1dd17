"""What a domain's function answers: what it returns, or how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from comity.engine.checking.differences import differences
from comity.engine.merging.refusals import Refused, Rejected

_R = TypeVar("_R")
Answer: TypeAlias = "tuple[object, Refused | None]"
"""What was returned, or else the refusal."""


def answer(call: Callable[[], _R]) -> tuple[_R | None, Refused | None]:
    """What a function returns, or how it refuses. Other errors are raised."""
    try:
        return call(), None
    except Refused as refusal:
        return None, refusal


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers are equal; refusals are, if they say the same."""
    (first, no), (second, never) = one, other
    if no is None or never is None:
        return no is never and not differences(first, second)
    return type(no) is type(never) and no.said == never.said and _fields(no) == _fields(never)


def _fields(refusal: Refused) -> object:
    return refusal.fields if isinstance(refusal, Rejected) else None
