"""Samples at the edges of an older schema version: what its limits let through, and today's do not.

An upcast may forget that a limit was tightened, and the samples in a contract are mostly short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from comity.engine.messages.bounds import MAX_TEXT
from comity.evolution.contract.form import Form
from comity.evolution.contract.limits import within
from comity.evolution.contract.tagged import BYTES

if TYPE_CHECKING:
    from pydantic import JsonValue

    from comity.evolution.contract.contract import VersionTerms

_NUMBERS: Final = ("int", "float", "decimal", "datetime", "timedelta")


def with_edges(version: VersionTerms, current: VersionTerms) -> VersionTerms:
    """Return the older version with samples beyond the limits that fields have today.

    Each is the first sample with one other value; lists and nested records stay as they are.
    """
    made: list[Mapping[str, JsonValue]] = []
    for sample in version.samples[:1]:
        for name in sorted(version.fields.keys() & current.fields.keys()):
            values = _beyond(current.fields[name], version.fields[name])
            made += [{**sample, name: value} for value in values]
    return version.model_copy(update={"samples": (*version.samples, *made)})


def _beyond(reader: Form, writer: Form) -> Iterator[JsonValue]:
    """Yield what the writer may store, and the limits of the reader do not let through."""
    for written in writer.choices:
        for read in reader.choices:
            if read.type == written.type:
                for value, point in _points(read, written):
                    if within(written, point) and not within(read, point):
                        yield value


def _points(reader: Form, writer: Form) -> Iterator[tuple[JsonValue, Form]]:
    """Yield values around the limits of both, each with the form that has only this value."""
    kind, both = reader.type, (reader, writer)
    if kind in {"str", "bytes"}:
        lengths = [end for one in both for end in (one.min_length, one.max_length)]
        known = {end for end in lengths if end is not None}
        for length in {near for end in known for near in (end - 1, end, end + 1)}:
            if 0 <= length <= MAX_TEXT:
                value: JsonValue = "x" * length if kind == "str" else {BYTES: "78" * length}
                yield value, Form(type=kind, min_length=length, max_length=length)
    elif kind in _NUMBERS:
        limits = [end for one in both for end in (one.gt, one.ge, one.lt, one.le)]
        ends = {Decimal(str(end)) for end in limits if end is not None}
        for near in {near for end in ends for near in (end - 1, end, end + 1)}:
            number = _number(kind, near)
            yield number, Form(type=kind, ge=number, le=number)


def _number(kind: str, near: Decimal) -> int | float | str:
    match kind:
        case "decimal":
            return str(near)
        case "float":
            return float(near)
        case _:
            return int(near)
