"""The CloudEvents SDK, an extra that may be missing. Everything here that needs it asks this file.

`comity.integration` can be imported without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from comity.engine import WiringError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudevents.core.base import BaseCloudEvent
    from cloudevents.core.bindings.http import HTTPMessage
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent


class Sdk(NamedTuple):
    """The classes of the SDK that comity uses."""

    event: type[CloudEvent]
    message: type[HTTPMessage]
    json: JSONFormat
    read_binary: Callable[..., BaseCloudEvent]


def sdk() -> Sdk:
    """Return the SDK.

    Raises:
        WiringError: it is not installed.
    """
    try:
        from cloudevents.core.bindings.http import (  # noqa: PLC0415 - may be missing
            HTTPMessage,
            from_binary,
        )
        from cloudevents.core.formats.json import JSONFormat  # noqa: PLC0415 - the same
        from cloudevents.core.v1.event import CloudEvent  # noqa: PLC0415 - the same
    except ImportError as error:
        msg = (
            "CloudEvents need the package cloudevents, version 2.2 or newer "
            f"({error}); pip install 'comity[cloudevents]'"
        )
        raise WiringError(msg) from None
    return Sdk(CloudEvent, HTTPMessage, JSONFormat(), from_binary)
