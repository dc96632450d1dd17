"""The attributes of a CloudEvent: which ones comity writes, and how they are read.

Names are those of the specification (https://github.com/cloudevents/spec) and of its documented
extensions `sequence` and `partitionkey`; the others are comity's own extensions.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from comity.engine import AggregateId, Invalid

SCHEMA: Final = "schemaversion"
"""The schema version of the event class."""
READABLE: Final = "readablefrom"
"""The oldest schema version whose programs may read it; absent if only newer ones may."""
VERSION: Final = "aggregateversion"
"""Which event of its aggregate it is, from 1."""
SEQUENCE: Final = "sequence"
"""Which event of its journal it is, with 20 digits, so that texts sort like the numbers."""
PARTITION: Final = "partitionkey"
"""The aggregate: brokers keep the order of what has the same key."""

MOST_SOURCE: Final = 500
"""The most characters of a source."""
MOST_NUMBER: Final = (1 << 63) - 1

_URI: Final = re.compile(r"[!-~]+\Z")  # printable ASCII without spaces
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")
_DIGITS: Final = re.compile(r"[0-9]{1,20}\Z")
_NOT_PLAIN: Final = re.compile(
    "[%\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
"""What the specification forbids in an attribute, and what marks it when it is escaped."""


def check_source(source: object) -> str:
    """Return the source, or raise `Invalid`: it is a URI reference, such as `/shop`."""
    if not isinstance(source, str) or not _URI.match(source) or len(source) > MOST_SOURCE:
        msg = (
            f"source: expected a URI such as 'https://shop.example/orders', of up to {MOST_SOURCE} "
            f"printable ASCII characters without spaces, got {source!r:.100}"
        )
        raise Invalid(msg)
    return source


def type_of(prefix: str, decider: str, name: str) -> str:
    """The type of a CloudEvent: `com.example.order.OrderPlaced`.

    Raises:
        Invalid: the prefix is no name with dots.
    """
    if prefix and not _PREFIX.match(prefix):
        msg = f"prefix: expected a reversed domain name such as 'com.example', got {prefix!r:.100}"
        raise Invalid(msg)
    return ".".join(filter(None, (prefix, decider, name)))


def subject_of(aggregate: AggregateId) -> str:
    """The subject of a CloudEvent: `order/A-17`, with what attributes cannot have escaped."""
    return _NOT_PLAIN.sub(lambda found: quote(found[0], safe=""), str(aggregate))


def aggregate_of(subject: object, decider: str) -> AggregateId:
    """The aggregate that a subject names, or raise `Invalid`."""
    try:
        if isinstance(subject, str) and subject.startswith(f"{decider}/"):
            return AggregateId.parse(unquote(subject, errors="strict"))
    except UnicodeDecodeError:
        pass
    raise Invalid(f"subject: expected {decider}/KEY, got {subject!r:.100}")


def sequence_of(position: int) -> str:
    """The position as a text that sorts like the number."""
    return f"{position:020}"


def whole_of(value: object, name: str, default: int) -> int:
    """A whole number, 0 or more, that may be a text: HTTP headers have only texts.

    Raises:
        Invalid: it is none. A missing one (None) is `default`.
    """
    if value is None:
        return default
    number = int(value) if isinstance(value, str) and _DIGITS.match(value) else value
    if type(number) is int and 0 <= number <= MOST_NUMBER:
        return number
    raise Invalid(f"{name}: expected a whole number, got {value!r:.100}")


def time_of(value: object) -> datetime:
    """A time in UTC, or raise `Invalid`."""
    try:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
    except OverflowError:
        pass
    raise Invalid(f"time: expected a time with a zone, got {value!r:.100}")
