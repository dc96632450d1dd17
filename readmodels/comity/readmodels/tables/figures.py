"""Figures: counts and sums per group, updated automatically. Models declare them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast, overload

from comity.engine.arguments import check_whole
from comity.engine.errors import Invalid, ReadModelError
from comity.engine.lmdb.span import EVERYTHING, Entry
from comity.readmodels.keys.encoding import decode
from comity.readmodels.keys.family import declared
from comity.readmodels.tables.figure import AnyFigure, Figure, Share, group_key, plus
from comity.readmodels.tables.key_kinds import KeyKinds
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.readmodels.tables.binding import Binding
    from comity.readmodels.tables.read_model import AnyReadModel

R = TypeVar("R", bound=Row)
G = TypeVar("G")
N = TypeVar("N", bound=int | Decimal)

_AT_ONCE = 512


class Figures(Generic[G, N]):
    """The figures in one snapshot, by group, in the order of the groups.

    Example:
        cards.per_person["ann"], cards.per_person.top(3)
    """

    __slots__ = ("_binding", "_figure", "_handle", "_zero")

    __iter__: ClassVar[None] = None
    """Not iterable: with `__getitem__` alone Python would ask for 0, 1, 2 and so on without end."""

    def __init__(self, figure: AnyFigure, binding: Binding, zero: N) -> None:
        self._binding = binding
        self._figure = figure
        self._handle = binding.handle(figure.stored_as)
        self._zero = zero

    def __getitem__(self, group: G) -> N:
        data = self._binding.settled().get(self._handle, group_key(group))
        if data is None:
            self._figure.kinds.check_whole(self._figure.name, group)
            return self._zero
        return cast("N", Figure.unpack(data).number)

    def items(self) -> Iterator[tuple[G, N]]:
        """Every group that is not zero, with its figure."""
        reading = self._binding.settled()
        last: Entry | None = None
        while True:
            found = reading.entries(self._handle, EVERYTHING, _AT_ONCE, after=last, backwards=False)
            for key, data in found:
                yield cast("G", decode(key)), cast("N", Figure.unpack(data).number)
            if len(found) < _AT_ONCE:
                return
            last = found[-1]

    def top(self, most: int) -> list[tuple[G, N]]:
        """The `most` groups with the greatest figures, greatest first."""
        return heapq.nlargest(
            check_whole(most, "the most groups"), self.items(), key=lambda item: item[1]
        )

    def total(self) -> N:
        """The sum over all groups."""
        total: int | Decimal = self._zero
        for item in self.items():
            total = plus(total, item[1])
        return cast("N", total)

    def count(self) -> int:
        """The number of groups."""
        return self._binding.settled().count(self._handle, EVERYTHING)

    __len__ = count


class BoundTotals(Figures[G, N]):
    """Totals in one snapshot, or in `project`."""

    __slots__ = ("_work",)

    def __init__(self, figure: AnyFigure, binding: Binding, zero: N) -> None:
        super().__init__(figure, binding, zero)
        work = binding.work
        self._work = None if work is None else work.figure(figure.name)

    def add(self, group: G, number: N) -> None:
        """Add a number, which may be negative, to a group's total. Only in `project`."""
        if self._work is None:
            msg = "these totals are read-only: only `project` can change them"
            raise ReadModelError(msg)
        self._work.add(group_key(group), 0, _exact(number))


class Count(AnyFigure, Generic[R, G]):
    """The number of rows in each group. Make one with `table.count(...)`."""

    def __init__(
        self, by: Callable[[R], G | None], kinds: KeyKinds, columns: Sequence[str] | None
    ) -> None:
        super().__init__(kinds, columns)
        self._by = cast("Callable[[Row], object]", by)

    @property
    def functions(self) -> tuple[Callable[..., object], ...]:
        """The function that gives a row's group."""
        return (self._by,)

    def share(self, row: Row) -> Share:
        """The row's group, and 1."""
        return self._by(row), 1

    @overload
    def __get__(self, model: None, kind: type[object]) -> Count[R, G]: ...
    @overload
    def __get__(self, model: AnyReadModel, kind: type[object]) -> Figures[G, int]: ...
    def __get__(
        self, model: AnyReadModel | None, kind: type[object]
    ) -> Count[R, G] | Figures[G, int]:
        if model is None:
            return self
        bound: Figures[G, int] = Figures(self, model.binding, 0)
        model.__dict__[self.name] = bound
        return bound


class Sum(AnyFigure, Generic[R, G, N]):
    """The sum of a number over the rows of each group. Make one with `table.sum(...)`."""

    def __init__(
        self,
        of: Callable[[R], N],
        by: Callable[[R], G | None],
        kinds: KeyKinds,
        columns: Sequence[str] | None,
        zero: N,
    ) -> None:
        super().__init__(kinds, columns)
        self._of = cast("Callable[[Row], int | Decimal]", of)
        self._by = cast("Callable[[Row], object]", by)
        self._zero: int | Decimal = zero

    @property
    def functions(self) -> tuple[Callable[..., object], ...]:
        """The functions that give a row's group and number."""
        return (self._by, self._of)

    def share(self, row: Row) -> Share:
        """The row's group, and its number."""
        group = self._by(row)
        return group, 0 if group is None else _exact(self._of(row))

    @overload
    def __get__(self, model: None, kind: type[object]) -> Sum[R, G, N]: ...
    @overload
    def __get__(self, model: AnyReadModel, kind: type[object]) -> Figures[G, N]: ...
    def __get__(
        self, model: AnyReadModel | None, kind: type[object]
    ) -> Sum[R, G, N] | Figures[G, N]:
        if model is None:
            return self
        bound: Figures[G, N] = Figures(self, model.binding, cast("N", self._zero))
        model.__dict__[self.name] = bound
        return bound


class Totals(AnyFigure, Generic[G, N]):
    """A sum for each key, without rows; `project` adds to it.

    Args:
        group: the type of the keys.
        of: int, or Decimal.

    Example:
        class Votes(ReadModel[BoardEvent]):
            votes = Totals(str, int)

            def project(self, event: BoardEvent, at: Recorded) -> None:
                if isinstance(event, CardUpvoted):
                    self.votes.add(event.card, 1)
    """

    of_rows = False

    def __init__(self, group: type[G], of: type[N]) -> None:
        super().__init__(KeyKinds(declared(group)))
        self._zero = of()

    @property
    def functions(self) -> tuple[Callable[..., object], ...]:
        """No functions: `project` does everything."""
        return ()

    @overload
    def __get__(self, model: None, kind: type[object]) -> Totals[G, N]: ...
    @overload
    def __get__(self, model: AnyReadModel, kind: type[object]) -> BoundTotals[G, N]: ...
    def __get__(
        self, model: AnyReadModel | None, kind: type[object]
    ) -> Totals[G, N] | BoundTotals[G, N]:
        if model is None:
            return self
        bound: BoundTotals[G, N] = BoundTotals(self, model.binding, self._zero)
        model.__dict__[self.name] = bound
        return bound


def _exact(number: object) -> int | Decimal:
    if isinstance(number, int) or (isinstance(number, Decimal) and number.is_finite()):
        return number
    msg = f"a sum expects int or finite Decimal, got {number!r:.100}: float sums depend on order"
    raise Invalid(msg)
