"""Whether a reader with one form can read everything that a writer with another one may store.

The judging modules ask it in both directions: for stored data, and for programs that still run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pydantic import JsonValue

from comity.evolution.contract.form import Form
from comity.evolution.contract.limits import within


class Misfit(NamedTuple):
    """A place where a reader cannot read what a writer may store."""

    at: str
    """The field; `steps.title` is a field of a nested record."""
    reads: str
    """What the reader expects."""
    has: str
    """What the writer stores."""


NO_FIELD: Final = "no such field"
NO_VALUE: Final = "no value"


class Meeting(NamedTuple):
    """How a reader and a writer meet."""

    older: bool = False
    """Whether the reader is a program that is older than the writer. Then each field that the
    reader knows must be there: with a default in its place, it would decide on wrong values.
    Otherwise a field with a default may be missing, in the data and in the writer."""
    skips: bool = False
    """Whether the reader leaves out fields that it does not know."""


STORED: Final = Meeting()
"""Today's class reads what is stored, or what clients send."""


def misfits(
    reader: Form, writer: Form, meeting: Meeting = STORED, at: str = ""
) -> Iterator[Misfit]:
    """Yield what the reader cannot read.

    Args:
        reader: what the reader expects.
        writer: what the writer stores.
        meeting: how the two meet; by default today's class reads what is stored.
        at: where the two forms are.
    """
    for written in writer.choices:
        like = [choice for choice in reader.choices if choice.type == written.type]
        ways = [list(_of_one_type(choice, written, meeting, at)) for choice in like]
        if [] in ways or any(_holds(choice, written) for choice in reader.choices):
            continue
        if len(ways) == 1 == len(reader.choices):
            yield from ways[0]
        else:
            yield Misfit(at, str(reader), str(written))


def _of_one_type(reader: Form, writer: Form, meeting: Meeting, at: str) -> Iterator[Misfit]:
    if reader.type == "record":
        yield from _fields(reader, writer, meeting, at)
        return
    if not _is_as_wide(reader, writer):
        yield Misfit(at, str(reader), str(writer))
        return
    if reader.each is not None:
        for item in (writer.each,) if writer.each else writer.of:
            yield from misfits(reader.each, item, meeting, at)
    for ours, theirs in zip(reader.of, writer.of, strict=False):
        yield from misfits(ours, theirs, meeting, at)


def _fields(reader: Form, writer: Form, meeting: Meeting, at: str) -> Iterator[Misfit]:
    for name, field in sorted(reader.fields.items()):
        here, written = f"{at}.{name}".lstrip("."), writer.fields.get(name)
        if written is None:
            if meeting.older or not field.optional:
                yield Misfit(here, str(field), NO_VALUE)
            continue
        yield from misfits(field, written, meeting, here)
        if written.optional and not field.optional and not meeting.older:
            yield Misfit(here, f"{field} without a default", NO_VALUE)
    if not meeting.skips:
        for name in sorted(writer.fields.keys() - reader.fields.keys()):
            yield Misfit(f"{at}.{name}".lstrip("."), NO_FIELD, str(writer.fields[name]))


def _is_as_wide(reader: Form, writer: Form) -> bool:
    """Whether the reader's values and limits cover the writer's; items are not compared."""
    if reader.type == "one of":
        return all(any(_same(value, one) for one in reader.values) for value in writer.values)
    if reader.type == "tuple" and reader.each is None:
        return writer.each is None and len(reader.of) == len(writer.of)
    return within(reader, writer)


def _holds(reader: Form, writer: Form) -> bool:
    """Whether the writer's few values are texts or numbers that the reader takes."""
    kinds: dict[str, type] = {"str": str, "int": int, "bool": bool}
    if writer.type != "one of" or reader.type not in kinds or reader.limits:
        return False
    return all(type(value) is kinds[reader.type] for value in writer.values)


def _same(one: JsonValue, other: JsonValue) -> bool:
    return type(one) is type(other) and one == other
