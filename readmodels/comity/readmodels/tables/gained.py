"""Fields that a row class has gained, so that its model may go on without a rebuild: the checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from pydantic_core import PydanticUndefined

from comity.engine.arguments import check_several
from comity.engine.errors import WiringError

if TYPE_CHECKING:
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.row import Row


def check_gained(row: type[Row], gained: Iterable[str]) -> Sequence[str]:
    """Check the fields that a row class says it has gained; returns them in the class's order.

    Raises:
        WiringError: they are not its last fields, or one has no fixed default.
    """
    named, fields = (
        check_several(gained, f"Table({row.__name__}, gained=...)", WiringError),
        [*row.model_fields],
    )
    last = fields[len(fields) - len(named) :]
    if sorted(map(str, named)) != sorted(last):
        msg = (
            f"Table({row.__name__}, gained={named!r:.200}): expected the last fields of the class, "
            f"whose fields are {', '.join(fields)}: put new fields at its end, and name each once"
        )
        raise WiringError(msg)
    for name in last:
        if cast("object", row.model_fields[name].default) is PydanticUndefined:
            msg = (
                f"{row.__name__}.{name}: rows without a gained field are read with its default, "
                f"and this one has none that is fixed: write {name}: ... = a value, or leave it "
                "out of gained, and the model is rebuilt"
            )
            raise WiringError(msg)
    return tuple(last)


def check_unread(model: str, table: AnyTable) -> None:
    """Check that no key, index or figure uses a field that the table's rows have gained.

    Raises:
        WiringError: one uses such a field, or whether it does cannot be told from its code.
    """
    if not table.gained:
        return
    parts: dict[str, Iterable[str] | None] = {f"the key of {table.name}": table.key_reads}
    parts |= {index.name: index.columns for index in table.indexes}
    parts |= {figure.name: figure.columns for figure in table.figures}
    for name, columns in parts.items():
        read = sorted(set(table.gained if columns is None else columns).intersection(table.gained))
        if read:
            how = "may use" if columns is None else "uses"
            msg = (
                f"{model}: {name} {how} {', '.join(read)}, so it must be built anew for all rows: "
                f"leave {'them' if read[1:] else 'it'} out of gained, or let its function read "
                "other fields, each as row.field"
            )
            raise WiringError(msg)
