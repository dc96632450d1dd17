"""Events as CloudEvents and back. Hosts use it to send events to other systems, and to read theirs.

https://cloudevents.io is the common form of events: HTTP, Kafka, AMQP, NATS and MQTT carry it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar, cast

from comity.actors import Delivery
from comity.engine import Event, Invalid, RetiredEvent
from comity.engine.messages.message import names_of
from comity.integration.attributes import (
    PARTITION,
    READABLE,
    SCHEMA,
    SEQUENCE,
    VERSION,
    aggregate_of,
    check_source,
    sequence_of,
    subject_of,
    time_of,
    type_of,
    whole_of,
)
from comity.integration.known_events import ForeignEvents
from comity.integration.received import Received
from comity.integration.sdk import sdk
from comity.integration.wire_form import read_fields, written

if TYPE_CHECKING:
    from cloudevents.core.base import BaseCloudEvent
    from cloudevents.core.v1.event import CloudEvent

    from comity.engine import Recorded
    from comity.integration.known_events import KnownEvents

E = TypeVar("E", bound=Event)

MOST_DEPTH: Final = 64
"""The most levels of lists and maps in the data of a CloudEvent."""
MOST_ID: Final = 500
"""The most characters of the id of a CloudEvent."""


def to_cloud_event(
    at: Recorded[E] | Delivery[E], *, source: str, prefix: str = "", branch: str = ""
) -> CloudEvent:
    """Make a CloudEvent of an event.

    Args:
        at: the event with its place in the journal, or its delivery through an outlet. The id is
            that of the delivery, else the position.
        source: names the sending system, as a URI: "https://shop.example/orders". Choose it once:
            receivers know events by source and id.
        prefix: put before the type, usually the reversed domain name of who defines the events:
            with "com.example" the type is "com.example.order.OrderPlaced".
        branch: without a delivery, `domain.lineage().branch_at(at.position)`, which is a part of
            the id: after a restore from a backup a position may be another event. It is empty for
            an event from before any restore. A delivery's id has it already.

    Raises:
        Invalid: the event was retired, or cannot be read back from JSON as it is.
        WiringError: the package cloudevents is missing.

    Example:
        def deliver(self, event: OrderPlaced, at: Delivery) -> None:
            sent = to_cloud_event(at, source="https://shop.example/orders", prefix="com.example")
            self.post(to_structured_event(sent))  # from cloudevents.core.bindings.http
    """
    event = at.event
    if isinstance(event, RetiredEvent):
        msg = f"{event.name} has no class any more, so its fields have no form for other systems"
        raise Invalid(msg)
    subject = subject_of(at.aggregate)
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": at.id if isinstance(at, Delivery) else f"{at.position}-{branch}".rstrip("-"),
        "source": check_source(source),
        "type": type_of(prefix, at.aggregate.type, event.stored_as),
        "subject": subject,
        "time": at.time,
        "datacontenttype": "application/json",
        SCHEMA: event.schema_version,
        VERSION: str(at.version),
        SEQUENCE: sequence_of(at.position),
        PARTITION: subject,
    }
    if event.readable_from is not None:
        attributes[READABLE] = event.readable_from
    return sdk().event(attributes, written(event))


def from_cloud_event(
    event: BaseCloudEvent, known: KnownEvents[E], *, prefix: str = ""
) -> Received[E]:
    """Read an event of another system from a CloudEvent.

    Events of older schema versions are upcast, and aliases are known, as those in a journal are.
    Nothing is imported or looked up by a name in the data.

    Args:
        event: the CloudEvent; `from_http` reads one from a request.
        known: the sender's decider, or `ForeignEvents` with the receiver's own classes.
        prefix: what the sender puts before its types.

    Raises:
        Invalid: it is no event that `known` has, or an attribute or field does not fit.

    Example:
        received = from_cloud_event(from_http(request.headers, body), orders)
        stock.do(Reserve(item=received.event.item), id=received.command_id)
    """
    kind = _kind_of(event, known, prefix)
    schema = whole_of(event.get_extension(SCHEMA), SCHEMA, default=1)
    readable = whole_of(event.get_extension(READABLE), READABLE, default=0)
    try:
        foreign = isinstance(known, ForeignEvents)
        made = read_fields(kind, schema, _data_of(event), readable=readable, foreign=foreign)
    except Invalid as error:
        raise Invalid(f"cannot read a {kind.stored_as}: {error}") from None
    return Received(
        made,
        aggregate_of(event.get_subject(), known.name),
        whole_of(event.get_extension(VERSION), VERSION, default=0),
        whole_of(event.get_extension(SEQUENCE), SEQUENCE, default=0),
        time_of(event.get_time()),
        check_source(event.get_source()),
        _id_of(event.get_id()),
    )


def _kind_of(event: BaseCloudEvent, known: KnownEvents[E], prefix: str) -> type[E]:
    """The class of the event that a CloudEvent's type names, or raise `Invalid`."""
    if event.get_specversion() != "1.0":
        raise Invalid(f"specversion: expected 1.0, got {event.get_specversion()!r:.100}")
    kinds = {name: kind for kind in known.events for name in names_of(kind)}
    start = type_of(prefix, known.name, "")
    told = cast("object", event.get_type())
    if isinstance(told, str) and told.startswith(f"{start}."):
        kind = kinds.get(told.removeprefix(f"{start}."))
        if kind is not None:
            return kind
    names = ", ".join(sorted(kinds))
    raise Invalid(f"type: expected {start}.NAME with one of {names}, got {told!r:.200}")


def _data_of(event: BaseCloudEvent) -> dict[str, object]:
    """A copy of the fields in a CloudEvent, or raise `Invalid`."""
    data: object = event.get_data()
    if not isinstance(data, Mapping):
        kind = type(data).__name__
        raise Invalid(f"data: expected the event's fields as a JSON object, got {kind}")
    _check_depth(cast("object", data))
    return dict(cast("Mapping[str, object]", data))


def _check_depth(data: object) -> None:
    """Raise `Invalid` for data in so many levels that a later step might run out of stack."""
    level = [data]
    for _ in range(MOST_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise Invalid(f"data: expected at most {MOST_DEPTH} levels of lists and objects")


def _inside(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(cast("Mapping[str, object]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else []


def _id_of(id: object) -> str:
    if isinstance(id, str) and 0 < len(id) <= MOST_ID and id.isprintable():
        return id
    raise Invalid(f"id: expected 1 to {MOST_ID} printable characters, got {id!r:.100}")
