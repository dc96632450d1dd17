"""Reads the stored samples of a contract with today's classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from comity.engine.errors import ComityError
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages import codec
from comity.engine.text import brief, told
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.tagged import from_json

if TYPE_CHECKING:
    from pydantic import JsonValue

    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Message
    from comity.evolution.contract.contract import VersionTerms

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

    for said in _wrong_samples(version, load):
        yield Difference(where, said, MEND, Broken.STORED_EVENTS, (decider.name, name))


def judge_command_samples(
    decider: AnyDecider, where: str, name: str, version: VersionTerms
) -> Iterator[Difference]:
    """Yield the first command of a schema version that today's classes cannot read."""

    def load(data: dict[str, object]) -> Message:
        return decider.load_command(name, version.schema_version, data)

    for said in _wrong_samples(version, load):
        yield Difference(where, said, MEND, Broken.OLDER_CLIENTS, (decider.name, name))


def _wrong_samples(
    version: VersionTerms, load: Callable[[dict[str, object]], Message]
) -> Iterator[str]:
    """Say what is wrong with the first sample that cannot be kept."""
    for sample in version.samples:
        wrong = _wrong(sample, load)
        if wrong:
            yield f"a stored sample, {brief(repr(dict(sample)), LONGEST)}, {wrong}"
            return


def _wrong(
    sample: Mapping[str, JsonValue], load: Callable[[dict[str, object]], Message]
) -> str | None:
    """Say what is wrong with a sample; None if it is read, and could be stored again."""
    try:
        message = load(cast("dict[str, object]", from_json(dict(sample))))
    except (ComityError, ValueError) as error:
        return f"cannot be read: {told(error)}"
    kind = type(message)
    try:
        again = codec.build(kind, codec.unpack_fields(codec.pack(message)))
    except ComityError as error:
        return f"is read as {message!r:.200}, which could not be stored again: {told(error)}"
    return (
        None if again == message else f"is read as {message!r:.200}, and stored as {again!r:.200}"
    )
