"""Which kinds of keys a table, an index or a figure has, as its rows' annotations tell.

Questions are checked by it: a key of another kind sorts elsewhere and would find nothing, in
silence. Rows that are found are not checked, so that what succeeds costs nothing.
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
    """What a key may be made of. Without any arguments: of anything."""

    family: str = "None"
    """As `key_family` writes it; None stands for what is not known."""
    parts: int | None = None
    """How many values it has, where it is a tuple of fields."""

    @classmethod
    def of(cls, shape: KeyShape | None, row: type[Row]) -> KeyKinds:
        """The kinds of keys of this shape; anything where a key is computed."""
        if shape is None:
            return cls()
        kinds = [
            falling(kind) if falls else kind
            for name, falls in zip(shape.fields, shape.falling, strict=True)
            for kind in [declared(row.model_fields[name].annotation)]
        ]
        return cls(together(kinds), len(kinds)) if shape.is_tuple else cls(kinds[0])

    def check(self, name: str, key: object) -> None:
        """Refuse a key that no row of `name` can have, and that is no beginning of one either.

        Raises:
            Invalid: the text says what kinds of keys there are.
        """
        asked = family(key)
        if not alike(asked, self.family):
            msg = (
                f"{name}: expected a key of {self.family}, got {asked}: {said(key)}; no row can "
                "have it"
            )
            raise Invalid(msg)

    def check_whole(self, name: str, key: object) -> None:
        """Refuse what cannot be the whole key of a row of `name`.

        Raises:
            Invalid: as `check`, and for None and tuples of fewer or more values.
        """
        self.check(name, key)
        if self.parts is not None and _size(key) != self.parts:
            msg = (
                f"{name}: expected a key of {self.parts} values, {self.family}, got {said(key)}; "
                "for a beginning ask prefix(...)"
            )
            raise Invalid(msg)


def _size(key: object) -> int:
    return len(cast("tuple[object, ...]", key)) if isinstance(key, tuple) else 0
