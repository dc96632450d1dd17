"""Stored events that no longer happen and have no class any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from pydantic import model_serializer

from comity.engine.messages.message import Event
from comity.engine.messages.trusted import making

if TYPE_CHECKING:
    from comity.engine.messages.footprint import Footprint


class RetiredEvent(Event):
    """An event that a decider names in `retired=[...]`: it keeps its version and changes nothing.

    A history shows it, and so does `clash.since`. It clashes with nothing; `evolve`, read models,
    listeners and streams are not given it.

    Example:
        for at in domain.history(aggregate):
            if isinstance(at.event, RetiredEvent):
                print(at.version, at.event.name, dict(at.event.fields))
    """

    # An instance's attributes hide those of the class, which are the same for all of them.

    @property
    def name(self) -> str:
        """The stored name of the event."""
        return self.stored_as

    @property
    def fields(self) -> Mapping[str, object]:
        """The fields as they are stored, without upcasts and their types."""
        return cast("Mapping[str, object]", vars(self).get("fields", {}))

    def footprint(self) -> Footprint:
        """It touches nothing."""
        return ()

    @model_serializer
    def _as_stored(self) -> dict[str, object]:
        return dict(self.fields)

    def __iter__(self) -> Iterator[tuple[str, object]]:  # type: ignore[override] # as in pydantic
        yield from self.fields.items()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RetiredEvent) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.name, self.schema_version))

    def __repr__(self) -> str:
        return f"RetiredEvent({self.name!r}, {self.schema_version}, {dict(self.fields)!r})"


_make: Final = making(RetiredEvent)


def retired_event(name: str, schema: int, fields: Mapping[str, object]) -> RetiredEvent:
    """Make a retired event of a stored one."""
    return _make({"stored_as": name, "schema_version": schema, "fields": fields})
