"""Fields as JSON gives them: what clients and queues send."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from comity.engine.errors import Invalid
from comity.engine.messages.codec import explained
from comity.engine.messages.nested import within

if TYPE_CHECKING:
    from comity.engine.messages.shape import Convert
    from comity.engine.messages.value import Value


class Json:
    """The form of JSON: datetimes, amounts and ids are texts, tuples and sets are lists."""

    words = "the fields"
    trusted = False

    def named(self, kind: type[Value]) -> Callable[[dict[str, object]], dict[str, object]]:
        """Fields have their stored names, or those of the class."""
        return kind.__stored__.either

    def converts(self, kind: type[Value]) -> Sequence[tuple[str, Convert]]:
        """What reads each field strictly, as pydantic reads JSON."""
        return [(name, _reading(kind, name)) for name in kind.__named__]


JSON: Final = Json()


def _reading(kind: type[Value], name: str) -> Convert:
    info = kind.model_fields[name]
    adapter = TypeAdapter[object](info.rebuild_annotation())

    def read(value: object) -> object:
        named = within(info.annotation, value, lambda each, its: each.__stored__.either(its))
        try:
            text = json.dumps(named, allow_nan=False)
        except (ValueError, TypeError, RecursionError) as error:
            raise Invalid(f"expected a value as JSON gives it: {explained(error)}") from None
        return adapter.validate_json(text, strict=True)

    return read
