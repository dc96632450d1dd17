"""CloudEvents in HTTP messages from programs that nobody here trusts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from comity.engine import Invalid
from comity.engine.errors import WiringError, describe_error
from comity.integration.sdk import sdk

if TYPE_CHECKING:
    from cloudevents.core.v1.event import CloudEvent

_Attributes: TypeAlias = dict[str, Any]  # as the SDK has it
_Data: TypeAlias = dict[str, Any] | str | bytes | None  # the same

MOST_BODY: Final = 2 << 20
"""The most bytes of a body, by default: an event of 1 MiB with its attributes, as JSON."""
STRUCTURED: Final = "application/cloudevents+json"
"""The content type of a body that has the attributes, too."""
BINARY: Final = "application/json"
"""The content type of a body that has only the data; the attributes are in `ce-` headers."""

_REQUIRED: Final = ("id", "source", "type", "specversion")


def from_http(headers: Mapping[str, str], body: bytes, *, most: int = MOST_BODY) -> CloudEvent:
    """Read a CloudEvent from an HTTP message, in the structured or the binary form.

    To write one, use the SDK: `to_structured_event` and `to_binary_event` of
    `cloudevents.core.bindings.http`.

    Args:
        headers: the headers of the request. Upper and lower case are the same.
        body: the body.
        most: the most bytes of the body. Let the HTTP server bound it, too.

    Raises:
        Invalid: it is no CloudEvent of version 1.0 with data in JSON.
        WiringError: the arguments are no headers and no bytes, or the package cloudevents is
            missing.
    """
    if not hasattr(headers, "items") or not isinstance(cast("object", body), (bytes, bytearray)):
        got = f"{type(headers).__name__} and {type(body).__name__}"
        raise WiringError(f"from_http: expected the headers, then the body as bytes, got {got}")
    if len(body) > most:
        raise Invalid(f"expected a body of at most {most:,} bytes, got {len(body):,}")
    named = {name.lower(): value for name, value in headers.items()}
    form, parts = _content_type(named), sdk()

    def make(attributes: _Attributes, data: _Data) -> CloudEvent:
        return parts.event(_checked(attributes), data)

    try:
        if form == STRUCTURED:
            return cast("CloudEvent", parts.json.read(make, body))
        return cast("CloudEvent", parts.read_binary(parts.message(named, body), parts.json, make))
    except Invalid:
        raise
    except Exception as error:  # the SDK raises many kinds on bytes that are no CloudEvent
        raise Invalid(f"not a CloudEvent: {describe_error(error):.300}") from None


def _content_type(headers: Mapping[str, str]) -> str:
    told = headers.get("content-type", "")
    form = told.partition(";")[0].strip().lower()
    if form == STRUCTURED or (form == BINARY and "ce-specversion" in headers):
        return form
    msg = (
        f"expected one CloudEvent as {STRUCTURED}, or as {BINARY} with the attributes in ce- "
        f"headers; got {told!r:.100}"
    )
    raise Invalid(msg)


def _checked(attributes: _Attributes) -> _Attributes:
    """The attributes without those that are null.

    Raises:
        Invalid: one is missing (the SDK would make an id up), or is no scalar.
    """
    told = {name: value for name, value in attributes.items() if value is not None}
    if missing := [name for name in _REQUIRED if name not in told]:
        raise Invalid(f"not a CloudEvent: it has no {', '.join(missing)}")
    for name, value in told.items():
        if not isinstance(value, str | int | datetime):
            raise Invalid(f"{name:.50}: expected a text or whole number, got {value!r:.100}")
    return told
