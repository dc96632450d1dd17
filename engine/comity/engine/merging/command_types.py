"""Finds command classes by their stored names, and reads commands of any schema version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar, cast

from comity.engine.errors import Invalid
from comity.engine.merging.command import Command
from comity.engine.messages import codec
from comity.engine.messages.json_form import JSON
from comity.engine.messages.message import names_of
from comity.engine.messages.reading import STORED, Form, reading

C = TypeVar("C", bound=Command)


class CommandTypes(Generic[C]):
    """A set of command classes with different stored names.

    Args:
        owner: the decider that they belong to; error messages name it.
        kinds: the classes.
    """

    def __init__(self, owner: str, kinds: Iterable[type[C]]) -> None:
        self._owner = owner
        self._by_name = {name: kind for kind in kinds for name in names_of(kind)}
        self._reading: dict[tuple[type[C], int, Form], Callable[[dict[str, object]], C]] = {}

    def load(self, name: str, schema: int, data: object) -> C:
        """Make a command from its stored fields; raises `Invalid`."""
        return self._made(name, schema, codec.unpack_fields(data), STORED)

    def read(self, name: str, schema: int, fields: Mapping[str, object]) -> C:
        """Make a command from fields as JSON gives them; raises `Invalid`."""
        if not isinstance(cast("object", fields), Mapping):
            msg = f"{self._owner}: expected the fields of a command by name, got {fields!r:.100}"
            raise Invalid(msg)
        return self._made(name, schema, dict(fields), JSON)

    def _made(self, name: object, schema: object, fields: dict[str, object], form: Form) -> C:
        kind = self._by_name.get(name) if isinstance(name, str) else None
        if kind is None:
            known = ", ".join(sorted(self._by_name))
            msg = f"{self._owner}: expected the name of a command ({known}), got {name!r:.100}"
            raise Invalid(msg)
        newest = kind.schema_version
        if type(schema) is int and schema > newest:
            msg = (
                f"{self._owner}: a newer program has sent this {name}: it has schema version "
                f"{schema}, and this program's has {newest}; run the newer program here, too"
            )
            raise Invalid(msg)
        try:
            return self._read(kind, cast("int", schema), form)(fields)
        except Invalid as error:
            msg = f"{self._owner}: cannot read a {name} of schema version {schema}: {error}"
            raise Invalid(msg) from None

    def _read(self, kind: type[C], schema: int, form: Form) -> Callable[[dict[str, object]], C]:
        """Return what reads a schema version in a form, made once for each that is met."""
        key = kind, schema, form
        return self._reading.get(key) or self._reading.setdefault(key, reading(*key))
