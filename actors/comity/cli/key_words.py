"""Parses a typed key: one word for each part, by the type of the part's field."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

import typer
from pydantic import TypeAdapter, ValidationError

from comity.engine import Invalid
from comity.engine.lmdb.span import EVERYTHING
from comity.readmodels.keys.encoding import Descending, decode, descending

if TYPE_CHECKING:
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.tables.any_table import AnyIndex, AnyTable

Read: TypeAlias = Callable[[str], object]


class KeyWords(NamedTuple):
    """How to parse the keys of one table or index."""

    source: str
    parts: Sequence[Read] | None
    """A parser for each part of a key; None if nothing is known about the keys."""
    names: Sequence[str]
    is_tuple: bool

    @classmethod
    def of(cls, source: AnyTable | AnyIndex, reading: Reading) -> KeyWords:
        """By the key's fields; if the key is computed, by the first key in the table."""
        shape = source.shape
        if shape is not None:
            parts = [
                _turned(by_type(source.table.row.model_fields[name].annotation, name), falls)
                for name, falls in zip(shape.fields, shape.falling, strict=True)
            ]
            return cls(source.name, parts, shape.fields, shape.is_tuple)
        return cls.like_first(source.name, source.stored_as, reading)

    @classmethod
    def like_first(cls, name: str, stored_as: str, reading: Reading) -> KeyWords:
        """By the types in the first key that the table has."""
        handle = reading.handles.get(stored_as)
        found = handle and reading.entries(handle, EVERYTHING, 1, after=None, backwards=False)
        if not found:
            return cls(name, None, (), is_tuple=False)
        key = decode(found[0][0])
        is_tuple = isinstance(key, tuple)
        values = cast("tuple[object, ...]", key) if is_tuple else (key,)
        names = [f"part {number}" for number in range(1, len(values) + 1)]
        return cls(name, [_like(value) for value in values], names, is_tuple)

    def read(self, words: Sequence[str]) -> list[object]:
        """Parse words into parts of a key.

        Raises:
            BadParameter: there are too many words, or one does not fit its field.
        """
        if self.parts is None:
            return [_guess(word) for word in words]
        if len(words) > len(self.parts):
            names = ", ".join(self.names)
            many = "1 part" if len(self.parts) == 1 else f"{len(self.parts)} parts"
            msg = f"a key of {self.source} has {many} ({names}), got {len(words)} words"
            raise typer.BadParameter(msg)
        return [read(word) for read, word in zip(self.parts, words, strict=False)]

    def key(self, parts: Sequence[object]) -> object:
        """The key with these parts.

        Raises:
            BadParameter: some parts are missing.
        """
        if not self.whole(parts):
            msg = f"a group of {self.source} has {len(self.names)} parts, got {len(parts)}"
            raise typer.BadParameter(msg)
        return tuple(parts) if self.is_tuple or len(parts) > 1 else parts[0]

    def whole(self, parts: Sequence[object]) -> bool:
        """Whether these are all parts of a key, not only the first ones."""
        return len(parts) == len(self.parts) if self.parts is not None else bool(parts)


def by_type(annotation: object, name: str) -> Read:
    """A parser for values of a field; `name` names it in errors."""
    if annotation is bytes:
        return lambda word: _bytes(word, name)
    adapter: TypeAdapter[object] = TypeAdapter(cast("type[object]", annotation))

    def read(word: str) -> object:
        try:
            return adapter.validate_strings(word)
        except ValidationError as error:
            why = error.errors()[0]["msg"]
        try:
            return adapter.validate_json(word)
        except ValidationError:
            raise typer.BadParameter(f"{name}: {why}, got {word!r:.80}") from None

    return read


def _bytes(word: str, name: str) -> bytes:
    try:
        return bytes.fromhex(word)
    except ValueError:
        msg = f"{name}: expected bytes as hexadecimal, got {word!r:.80}"
        raise typer.BadParameter(msg) from None


def _turned(read: Read, falls: bool) -> Read:  # noqa: FBT001 - as KeyShape says it
    return (lambda word: descending(read(word))) if falls else read


def _like(value: object) -> Read:
    """A parser for values of the same type; a word that does not fit is parsed as `_guess` does."""
    if isinstance(value, Descending):
        return _turned(_like(cast("Descending[object]", value).value), falls=True)
    if isinstance(value, str):
        return lambda word: word
    read = by_type(type(value), "")

    def try_to_read(word: str) -> object:
        try:
            return read(word)
        except (typer.BadParameter, Invalid):
            return _guess(word)

    return try_to_read


def _guess(word: str) -> object:
    """Parse a word as JSON if it is, else as text: `5` is a number, `"5"` and `five` are texts."""
    try:
        found: object = json.loads(word)
    except ValueError:
        return word
    return _as_key(found)


def _as_key(value: object) -> object:
    if isinstance(value, list):
        return tuple(map(_as_key, cast("list[object]", value)))
    return value
