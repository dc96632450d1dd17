"""Makes what an instance is told of what the domain has: events, and answers to its orders."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from comity.engine.history.recorded import Recorded
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused, Rejected, Scalar
from comity.engine.merging.report import Outcome
from comity.engine.messages import codec
from comity.engine.messages.message import Event
from comity.engine.processes.commands import Hear, TakeAnswer
from comity.engine.processes.given_order import hops_of
from comity.engine.processes.heard import Heard


def where(recorded: Recorded[Event]) -> Heard:
    """Return what `key` is told of an event."""
    return Heard(
        "", recorded.aggregate, recorded.version, recorded.position, recorded.microseconds,
        recorded.who, recorded.session, recorded.metadata, hops_of(recorded.metadata),
    )  # fmt: skip


def hear(recorded: Recorded[Event], key: str) -> Hear:
    """Make the command by which the instance with this key hears an event."""
    event, aggregate = recorded.event, recorded.aggregate
    return Hear(
        to=key, type=aggregate.type, key=aggregate.key, version=recorded.version,
        position=recorded.position, time=recorded.time, who=recorded.who,
        session=recorded.session, metadata=tuple(recorded.metadata.items()),
        hops=hops_of(recorded.metadata), name=event.stored_as, schema_of=event.schema_version,
        readable=event.readable_from or 0, stamp=event.__stamp__, data=codec.pack(event),
    )  # fmt: skip


def take_answer(number: int, answer: Receipt[Event] | Refused) -> TakeAnswer:
    """Make the command by which an instance takes the answer to an order."""
    if isinstance(answer, Receipt):
        version, position = answer.version, answer.position
        return TakeAnswer(number=number, outcome=answer.outcome, version=version, position=position)
    outcome, code = Outcome.CONFLICTED, type(answer).__name__
    fields: Mapping[str, Scalar] = {}
    if isinstance(answer, Rejected):
        outcome, code, fields = Outcome.REJECTED, answer.code, answer.fields
    return TakeAnswer(
        number=number, outcome=outcome, code=code, reason=answer.reason,
        fields=tuple((name, _finite(value)) for name, value in fields.items()),
        version=_version(answer),
    )  # fmt: skip


def _version(refused: Refused) -> int:
    try:
        return refused.report.version
    except LookupError:  # it was made by hand
        return 0


def _finite(value: Scalar) -> Scalar:
    """The value as a message can have it: NaN and infinity become text."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value
