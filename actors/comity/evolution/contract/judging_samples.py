"""Reads the stored samples of a contract with today's classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from comity.engine.errors import ComityError
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages import codec
from comity.engine.text import brief, told
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.tagged import from_json, to_json

if TYPE_CHECKING:
    from pydantic import JsonValue

    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Message
    from comity.evolution.contract.contract import VersionTerms

_Load: TypeAlias = "Callable[[dict[str, object]], Message]"
_Check: TypeAlias = "Callable[[Message, Mapping[str, JsonValue]], str | None]"

LONGEST: Final = 300
"""The most characters of a sample that are shown."""
MEND: Final = "mend the class or its upcasts"


def judge_event_samples(
    decider: AnyDecider, where: str, name: str, version: VersionTerms
) -> Iterator[Difference]:
    """Yield the first stored event of a schema version that today's classes cannot keep."""

    def load(data: dict[str, object]) -> Message:
        readable = version.readable_from or 0
        return decider.load(StoredEvent(name, version.schema_version, data, readable=readable))

    for said in _wrong_samples(version, load, _stored_again):
        yield Difference(where, said, MEND, Broken.STORED_EVENTS, (decider.name, name))


def judge_command_samples(
    decider: AnyDecider, where: str, name: str, version: VersionTerms
) -> Iterator[Difference]:
    """Yield the first command of a schema version that today's classes cannot read."""

    def load(data: dict[str, object]) -> Message:
        return decider.load_command(name, version.schema_version, data)

    for said in _wrong_samples(version, load, _read):
        yield Difference(where, said, MEND, Broken.OLDER_CLIENTS, (decider.name, name))


def _wrong_samples(version: VersionTerms, load: _Load, check: _Check) -> Iterator[str]:
    """Say what is wrong with the first sample that is not read, or that `check` refuses."""
    for sample in version.samples:
        try:
            message = load(cast("dict[str, object]", from_json(dict(sample))))
            same = message.schema_version == version.schema_version
            wrong = check(message, sample if same else {})
        except (ComityError, ValueError) as error:
            wrong = f"cannot be read: {told(error)}"
        if wrong:
            shown = brief(repr(dict(sample)), LONGEST)
            yield f"a stored sample, {shown}, {wrong}{_lacking(version, sample)}"
            return


def _lacking(version: VersionTerms, sample: Mapping[str, JsonValue]) -> str:
    """Say why a sample lacks fields."""
    lacking = sorted(version.fields.keys() - sample.keys())
    if not lacking:
        return ""
    return (
        f"; it has no {', '.join(lacking)}, as what was stored before that was added: give the "
        "upcast's parameter a default"
    )


def _stored_again(message: Message, sample: Mapping[str, JsonValue]) -> str | None:
    """Say what is wrong if an event could not be stored again, or not as it was.

    Args:
        message: the event.
        sample: the fields from which it was read, if it is of the same schema version.
    """
    try:
        again = to_json(codec.unpack_fields(codec.pack(message)))
    except ComityError as error:
        return f"is read as {message!r:.200}, which could not be stored again: {told(error)}"
    kept = _is_kept(dict(sample), again)
    return None if kept else f"is read as other values: {message!r:.200}"


def _read(message: Message, sample: Mapping[str, JsonValue]) -> None:
    """Accept a command that can be read; it may be brought into another form."""


def _is_kept(value: JsonValue, again: JsonValue) -> bool:
    """Whether all of a stored value is still there; fields with defaults may have come to it."""
    if isinstance(value, dict) and isinstance(again, dict):
        return all(name in again and _is_kept(value[name], again[name]) for name in value)
    if isinstance(value, list) and isinstance(again, list):
        return len(value) == len(again) and all(map(_is_kept, value, again))
    return value == again
