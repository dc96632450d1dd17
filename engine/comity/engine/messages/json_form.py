"""Makes records from fields as JSON gives them: what clients and queues send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from comity.engine.errors import Invalid
from comity.engine.messages.codec import explained
from comity.engine.messages.nested import at_every_depth

if TYPE_CHECKING:
    from comity.engine.messages.value import Value

V = TypeVar("V", bound="Value")


def build_from_json(
    kind: type[V], fields: dict[str, object], made: Mapping[str, object] | None = None
) -> V:
    """Make a record of the class from fields as JSON gives them, and validate it.

    Datetimes, amounts and ids are texts, tuples and sets are lists. Fields have their stored names
    or those of the class.

    Args:
        kind: the class.
        fields: the fields as JSON gives them.
        made: fields that upcasts have made: values as a person writes them.

    Raises:
        Invalid: the fields do not fit the class.
    """
    try:
        values = at_every_depth(kind, fields, lambda each, its: each.__stored__.either(its))
        for name, adapter in _adapters(kind).items():
            if name in values:
                values[name] = _read(adapter, name, values[name])
        if made:
            values = kind.__stored__.either({**values, **made})
        record: V = kind.__pydantic_validator__.validate_python(values)
    except Exception as error:  # a client may send anything, and a custom validator may fail
        msg = f"the fields do not fit {kind.__name__}: {explained(error)}"
        raise Invalid(msg) from None
    return record


def _read(adapter: TypeAdapter[object], name: str, value: object) -> object:
    try:
        return adapter.validate_json(json.dumps(value, allow_nan=False), strict=True)
    except ValidationError as error:
        raise Invalid(f"{name}: {explained(error)}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"{name}: expected a value as JSON gives it: {explained(error)}") from None


@cache
def _adapters(kind: type[Value]) -> Mapping[str, TypeAdapter[object]]:
    """Readers of the fields that JSON does not give as they are."""
    return {
        name: TypeAdapter(kind.model_fields[name].rebuild_annotation())
        for name in kind.model_fields
    }
