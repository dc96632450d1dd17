"""The form of a field: its type and limits, as a contract keeps them. All of this room uses it.

A form says what may be stored. It does not depend on names of classes or on the order of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator


class Part(BaseModel):
    """The base of everything in a contract file: frozen, strict, without unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Form(Part):
    """The type of a field with its limits. What is None or empty is not in the file."""

    type: str
    """`str`, `int`, ...; or `one of`, `union`, `tuple`, `frozenset` or `record`."""
    optional: bool = False
    """Whether the field has a default, so that it may be missing."""
    default: JsonValue = None
    """The default as it would be stored; None also if code computes it."""
    values: tuple[JsonValue, ...] = ()
    """Of `one of`: an Enum's or Literal's values, as they are stored."""
    of: tuple[Form, ...] = ()
    """Of `union`: its members; of a `tuple` of fixed length: its items."""
    each: Form | None = None
    """Of a `tuple` of any length, or a `frozenset`: its items."""
    fields: Mapping[str, Form] = {}
    """Of `record`: its fields, by stored name."""
    gt: JsonValue = None
    ge: JsonValue = None
    lt: JsonValue = None
    le: JsonValue = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    multiple_of: JsonValue = None
    max_digits: int | None = None
    decimal_places: int | None = None
    validators: tuple[str, ...] = ()
    """The names of the validators in the class that code of the domain runs."""

    @model_validator(mode="after")
    def _can_be_compared(self) -> Self:
        wanted = (str,) if self.type in {"date", "time"} else (int, float)
        for name in ORDERED:
            limit = getattr(self, name)
            if self.type == "decimal" and type(limit) is str:
                try:
                    Decimal(limit)
                except DecimalException:
                    raise ValueError(f"{name}: {limit!r:.100} is no number") from None
            elif limit is not None and type(limit) not in wanted:
                msg = f"{name}: expected {' or '.join(one.__name__ for one in wanted)}"
                raise ValueError(msg)
        return self

    @property
    def choices(self) -> tuple[Form, ...]:
        """The members of a union; of another type it alone."""
        return self.of if self.type == "union" else (self,)

    @property
    def limits(self) -> Mapping[str, object]:
        """The limits that it has."""
        limits = {name: getattr(self, name) for name in LIMITS}
        return {name: limit for name, limit in limits.items() if limit is not None}

    def without_limits(self) -> Form:
        """Return the type alone."""
        return Form(
            type=self.type,
            values=self.values,
            of=tuple(one.without_limits() for one in self.of),
            each=self.each.without_limits() if self.each else None,
            fields={name: field.without_limits() for name, field in self.fields.items()},
        )

    def __str__(self) -> str:
        """The form in short: `str(max_length=200)`, `tuple[int, ...]`, `str | none`."""
        limits = ", ".join(f"{name}={limit}" for name, limit in self.limits.items())
        return f"{self._bare()}({limits})" if limits else self._bare()

    def _bare(self) -> str:
        match self.type:
            case "union":
                return " | ".join(map(str, self.of))
            case "one of":
                return f"one of {', '.join(map(repr, self.values))}"
            case "record":
                return f"record({', '.join(sorted(self.fields))})"
            case "tuple" if self.each is None:
                return f"tuple[{', '.join(map(str, self.of))}]"
            case "tuple" | "frozenset":
                return f"{self.type}[{self.each}{', ...' * (self.type == 'tuple')}]"
            case name:
                return name


ORDERED: Final = ("gt", "ge", "lt", "le", "multiple_of")
"""The limits that are values of the type, and may be texts or numbers."""
LIMITS: Final = (
    "gt", "ge", "lt", "le", "min_length", "max_length", "pattern", "multiple_of", "max_digits",
    "decimal_places",
)  # fmt: skip
"""The limits that a form may have."""
