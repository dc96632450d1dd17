"""The types of a table's, index's or figure's keys, taken from the annotations of its rows.

Queries check their keys with it: a key of another type would silently find nothing. `get` checks
a key only if it finds no row, so that successful lookups pay nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from comity.engine.errors import Invalid
from comity.readmodels.keys.family import alike, declared, falling, family, together
from comity.readmodels.keys.writer import said

if TYPE_CHECKING:
    from comity.readmodels.keys.shape import KeyShape
    from comity.readmodels.tables.row import Row


class KeyKinds(NamedTuple):
    """The types that a key may have; by default any."""

    family: str = "None"
    """The types in words, as `keys.family` writes them; None stands for an unknown type."""
    parts: int | None = None
    """The number of values, if the key is a tuple of fields."""

    @classmethod
    def of(cls, shape: KeyShape | None, row: type[Row]) -> KeyKinds:
        """The types of keys of this shape; any if the key is computed."""
        if shape is None:
            return cls()
        kinds = [
            falling(kind) if falls else kind
            for name, falls in zip(shape.fields, shape.falling, strict=True)
            for kind in [declared(row.model_fields[name].annotation)]
        ]
        return cls(together(kinds), len(kinds)) if shape.is_tuple else cls(kinds[0])

    def check(self, name: str, key: object) -> None:
        """Refuse a key that no row of `name` can have, not even as the first part of its key.

        Raises:
            Invalid: the text names the types that a key has.
        """
        asked = family(key)
        if not alike(asked, self.family):
            msg = f"{name}: expected a key of {self.family}, got {asked}: {said(key)}"
            raise Invalid(msg)

    def check_whole(self, name: str, key: object) -> None:
        """Refuse a key that cannot be the whole key of a row of `name`.

        Raises:
            Invalid: as for `check`, and for None and tuples with fewer or more values.
        """
        self.check(name, key)
        if self.parts is not None and _size(key) != self.parts:
            msg = (
                f"{name}: expected a key of {self.parts} values, {self.family}, got {said(key)}; "
                "for the first values only use prefix(...)"
            )
            raise Invalid(msg)


def _size(key: object) -> int:
    return len(cast("tuple[object, ...]", key)) if isinstance(key, tuple) else 0
