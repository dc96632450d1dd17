"""An item of a watch. Many watches may share one: it is immutable."""

from __future__ import annotations

from typing import Generic, Literal, NamedTuple, TypeVar

from comity.readmodels.tables.row import Row

R_co = TypeVar("R_co", bound=Row, covariant=True)


class Update(NamedTuple, Generic[R_co]):
    """One item of a watch: a row, or a reset."""

    kind: Literal["present", "put", "gone", "reset"]
    """`present`: a current row; `put`: a new or changed row; `gone`: a row that was deleted or left
    the selection; `reset`: forget all rows, the current ones follow again."""
    row: R_co | None
    """The row; for `gone` its last state; for `reset` None."""
    position: int
    """A position of the model at which the row was so."""
