"""Ranges of keys, for tables and indexes, in a model's class and in its snapshots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, overload

from comity.engine.lmdb.span import EVERYTHING, Span
from comity.readmodels.keys import encoding as keys
from comity.readmodels.keys.encoding import encode

if TYPE_CHECKING:
    from comity.readmodels.tables.question import Source

K = TypeVar("K")
Q = TypeVar("Q")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


def exactly(key: object) -> Span:
    """The span of one key."""
    low = encode(key)
    return Span(low, low + b"\0")


class Ranges(ABC, Generic[K, Q]):
    """Ranges in the order of the keys. A key of another type raises `Invalid`."""

    __iter__: ClassVar[None] = None
    """Not iterable: Python would ask for the keys 0, 1, 2 and so on without end. Use `all()`."""

    @property
    @abstractmethod
    def _source(self) -> Source:
        """The table or index of these keys."""

    @abstractmethod
    def _ask(self, span: Span, words: str) -> Q:
        """A query or selection of the rows in this span; `words` describes the span."""

    def _at(self, key: object) -> Q:
        self._source.kinds.check_whole(self._source.name, key)
        return self._ask(exactly(key), f"at {key!r}")

    def _bound(self, key: object) -> bytes:
        self._source.kinds.check(self._source.name, key)
        return encode(key)

    def all(self) -> Q:
        """All rows, in the order of the keys."""
        return self._ask(EVERYTHING, "everything")

    def between(self, low: K, high: K) -> Q:
        """Keys from `low` up to, but not including, `high`."""
        span = Span(self._bound(low), self._bound(high))
        return self._ask(span, f"from {low!r} to before {high!r}")

    def before(self, key: K) -> Q:
        """Keys less than this one."""
        return self._ask(Span(b"", self._bound(key)), f"before {key!r}")

    def since(self, key: K) -> Q:
        """This key and all greater ones."""
        return self._ask(Span(self._bound(key), None), f"from {key!r} on")

    def after(self, key: K) -> Q:
        """Keys greater than this one."""
        return self._ask(Span(self._bound(key) + b"\0", None), f"after {key!r}")

    def starting(self: Ranges[str, Q], text: str) -> Q:
        """Text keys that start with this text."""
        self._source.kinds.check(self._source.name, text)
        return self._ask(_under(keys.text_prefix(text)), f"starting with {text!r}")

    @overload
    def prefix(self: Ranges[tuple[A, B], Q], a: A, /) -> Q: ...
    @overload
    def prefix(self: Ranges[tuple[A, B, C], Q], a: A, /) -> Q: ...
    @overload
    def prefix(self: Ranges[tuple[A, B, C], Q], a: A, b: B, /) -> Q: ...
    @overload
    def prefix(self: Ranges[tuple[A, B, C, D], Q], a: A, /) -> Q: ...
    @overload
    def prefix(self: Ranges[tuple[A, B, C, D], Q], a: A, b: B, /) -> Q: ...
    @overload
    def prefix(self: Ranges[tuple[A, B, C, D], Q], a: A, b: B, c: C, /) -> Q: ...
    def prefix(self, *parts: object) -> Q:
        """Tuple keys that begin with these values."""
        self._source.kinds.check(self._source.name, parts)
        said = ", ".join(map(repr, parts))
        return self._ask(_under(keys.prefix(*parts)), f"beginning with {said}")


def _under(start: bytes) -> Span:
    return Span(start, keys.after(start))
