"""Indexes: further keys to find a table's rows by. Tables make them, projections fill them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

from comity.readmodels.tables.any_table import AnyIndex
from comity.readmodels.tables.query import Query, Selection
from comity.readmodels.tables.question import Question
from comity.readmodels.tables.ranges import Ranges
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Span
    from comity.readmodels.tables.binding import Binding
    from comity.readmodels.tables.read_model import AnyReadModel

R = TypeVar("R", bound=Row)
K = TypeVar("K")


class BoundIndex(Ranges[K, Query[R]]):
    """An index in one snapshot.

    Example:
        cards.by_assignee["ann"].count()
        cards.by_due.between(monday, friday).list()
    """

    __slots__ = ("_binding", "_index")

    def __init__(self, index: AnyIndex, binding: Binding) -> None:
        self._index = index
        self._binding = binding

    def __getitem__(self, key: K) -> Query[R]:
        return self._at(key)

    def get_many(self, keys: Iterable[K]) -> list[list[R]]:
        """A list of rows for each key, in the order of the keys."""
        return [self[key].list() for key in keys]

    def exists(self, key: K) -> bool:
        """Whether a row with this key exists."""
        return self[key].count() > 0

    def count(self) -> int:
        """The number of entries in the index; a row may have none, one or several."""
        return self.all().count()

    def first(self) -> R | None:
        """The row with the least key."""
        return self.all().first()

    def last(self) -> R | None:
        """The row with the greatest key."""
        return self.all().reversed().first()

    @property
    def _source(self) -> AnyIndex:
        return self._index

    def _ask(self, span: Span, words: str) -> Query[R]:
        return Query(self._binding, Question(self._index, span, words))


class BoundUniqueIndex(BoundIndex[K, R]):
    """A unique index in one snapshot: each key belongs to one row."""

    __slots__ = ()

    def get(self, key: K) -> R | None:
        """The row with this key, or None."""
        return self[key].first()


class Index(AnyIndex, Ranges[K, Selection[R]], Generic[R, K]):
    """An index in a model's declaration. Make one with `table.index` or `table.index_each`."""

    @overload
    def __get__(self, model: None, kind: type[object]) -> Index[R, K]: ...
    @overload
    def __get__(self, model: AnyReadModel, kind: type[object]) -> BoundIndex[K, R]: ...
    def __get__(
        self, model: AnyReadModel | None, kind: type[object]
    ) -> Index[R, K] | BoundIndex[K, R]:
        if model is None:
            return self
        bound: BoundIndex[K, R] = BoundIndex(self, model.binding)
        model.__dict__[self.name] = bound
        return bound

    def __getitem__(self, key: K) -> Selection[R]:
        return self._at(key)

    @property
    def _source(self) -> AnyIndex:
        return self

    def _ask(self, span: Span, words: str) -> Selection[R]:
        return Selection(Question(self, span, words))


class UniqueIndex(AnyIndex, Ranges[K, Selection[R]], Generic[R, K]):
    """An index in which each key belongs to one row. Make one with `table.unique(...)`."""

    unique = True

    @overload
    def __get__(self, model: None, kind: type[object]) -> UniqueIndex[R, K]: ...
    @overload
    def __get__(self, model: AnyReadModel, kind: type[object]) -> BoundUniqueIndex[K, R]: ...
    def __get__(
        self, model: AnyReadModel | None, kind: type[object]
    ) -> UniqueIndex[R, K] | BoundUniqueIndex[K, R]:
        if model is None:
            return self
        bound: BoundUniqueIndex[K, R] = BoundUniqueIndex(self, model.binding)
        model.__dict__[self.name] = bound
        return bound

    def __getitem__(self, key: K) -> Selection[R]:
        return self._at(key)

    @property
    def _source(self) -> AnyIndex:
        return self

    def _ask(self, span: Span, words: str) -> Selection[R]:
        return Selection(Question(self, span, words))


def one_key(function: Callable[[R], object]) -> Callable[[Row], Iterable[object]]:
    """Turn a function that gives one key or None into one that gives a list of keys."""
    return lambda row: (function(cast("R", row)),)
