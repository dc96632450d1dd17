"""The law of upcasts: events and commands of every older schema version can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from comity.engine.errors import Invalid, UnreadableEvent
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages.message import Event
from comity.testing.proving.broken import LawBroken
from comity.testing.proving.law import Law

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Message
    from comity.testing.proving.subject import Subject


def _upcasts_are_total(subject: Subject, law: Law) -> None:
    """Load a stored sample of every older schema version of every message class."""
    words = f"{subject.decider.name}, {law.words}"
    for kind in (*subject.decider.events, *subject.decider.commands):
        for schema in range(1, kind.schema_version):
            samples = subject.samples.get(kind, {}).get(schema, ())
            if not samples:
                raise LawBroken(words, [], _missing(kind, schema))
            for sample in samples:
                step = f"a program of schema version {schema} stored {kind.stored_as} {sample!r}"
                try:
                    _load(subject.decider, kind, schema, dict(sample))
                except (UnreadableEvent, Invalid) as error:
                    why = f"It cannot be read any more: {error}."
                    raise LawBroken(words, [step], why) from None


def _load(
    decider: AnyDecider, kind: type[Message], schema: int, fields: dict[str, object]
) -> Message:
    if issubclass(kind, Event):
        return decider.load(StoredEvent(kind.stored_as, schema, fields))
    return decider.load_command(kind.stored_as, schema, fields)


def _missing(kind: type[Message], schema: int) -> str:
    name = kind.__name__
    return (
        f"{name} has schema version {kind.schema_version}, and the test has no fields of version "
        f"{schema}: give those of a stored one, laws(..., samples={{{name}: {{{schema}: "
        "[{...}]}})"
    )


def _has_versions(subject: Subject) -> bool:
    decider = subject.decider
    return any(kind.schema_version > 1 for kind in (*decider.events, *decider.commands))


LAWS: Final[tuple[Law, ...]] = (
    Law("upcasts-are-total", "upcasts are total", _upcasts_are_total, _has_versions),
)
