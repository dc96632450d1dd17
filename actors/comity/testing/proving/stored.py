"""The law of upcasts: events of every older schema version can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from comity.engine.errors import UnreadableEvent
from comity.engine.journal.stored_event import StoredEvent
from comity.testing.proving.broken import LawBroken
from comity.testing.proving.law import Law

if TYPE_CHECKING:
    from comity.engine.messages.message import Event
    from comity.testing.proving.subject import Subject


def _upcasts_are_total(subject: Subject, law: Law) -> None:
    """Load a stored sample of every older schema version of every event class."""
    words = f"{subject.decider.name}, {law.words}"
    for kind in subject.decider.events:
        for schema in range(1, kind.schema_version):
            samples = subject.samples.get(kind, {}).get(schema, ())
            if not samples:
                raise LawBroken(words, [], _missing(kind, schema))
            for sample in samples:
                step = f"a program of schema version {schema} stored {kind.stored_as} {sample!r}"
                stored = StoredEvent(kind.stored_as, schema, dict(sample))
                try:
                    subject.decider.load(stored)
                except UnreadableEvent as error:
                    why = f"It cannot be read any more: {error}."
                    raise LawBroken(words, [step], why) from None


def _missing(kind: type[Event], schema: int) -> str:
    name = kind.__name__
    return (
        f"{name} has schema version {kind.schema_version}, and the test has no fields of version "
        f"{schema}: give those of a stored event, laws(..., samples={{{name}: {{{schema}: "
        "[{...}]}})"
    )


def _has_versions(subject: Subject) -> bool:
    return any(kind.schema_version > 1 for kind in subject.decider.events)


LAWS: Final[tuple[Law, ...]] = (
    Law("upcasts-are-total", "upcasts are total", _upcasts_are_total, _has_versions),
)
