"""The schema of a read model: names, columns and code. Its hash identifies generations."""

from __future__ import annotations

import hashlib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgpack
from pydantic import BaseModel

from comity.engine.errors import ModelDamaged, OtherFormat, WiringError
from comity.engine.formats import MODEL, grown, own_version
from comity.engine.messages.code import code_of

if TYPE_CHECKING:
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.figure import AnyFigure

META: Final = "~meta"
PARKED: Final = "~parked"
CHANGES: Final = "~changes"
_OWN: Final = {META: False, PARKED: False, CHANGES: False}


class Described(NamedTuple):
    """A generation's description, stored in it, so that programs without the class can read it.

    Add new fields at the end, with the value of older generations as the default.
    """

    hash: str
    """The hash of rows, indexes, and the code that fills them."""
    rows: Mapping[str, str]
    """The hash of each table's columns; a program with another hash cannot read the rows."""
    columns: Mapping[str, Sequence[str]]
    """The column names of each table."""
    tables: Mapping[str, bool]
    """Every LMDB table, and whether its keys may have several values."""
    format: int = 2
    """The format of its rows, keys and figures. Generations without this field have format 2."""

    def pack(self) -> bytes:
        """The description as bytes."""
        return msgpack.packb(tuple(self))

    @classmethod
    def unpack(cls, data: bytes | None) -> Described:
        """Read a packed description.

        Raises:
            OtherFormat: another version of comity built it.
            ModelDamaged: it is missing or damaged.
        """
        try:
            described = grown(cls, msgpack.unpackb(data or b""))
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            msg = f"the model's description cannot be read: {error}"
            raise ModelDamaged(msg) from error
        if described.format != MODEL:
            msg = (
                f"the model has format {described.format}, and comity {own_version()} reads "
                f"{MODEL}: use the version that its domain runs, or open the domain with this "
                "one, which rebuilds it"
            )
            raise OtherFormat(msg)
        return described


class Schema:
    """The tables of one model."""

    def __init__(
        self,
        name: str,
        version: int,
        tables: Sequence[AnyTable],
        figures: Sequence[AnyFigure],
        methods: Sequence[Callable[..., object]],
        events: Iterable[str],
    ) -> None:
        self.name = name
        self.tables = tables
        self.figures = figures
        stored: dict[str, bool] = dict(_OWN)
        made_of: list[object] = [MODEL, version, name, sorted(events)]
        made_of += [part for method in methods for part in (method.__name__, *_code(name, method))]
        rows: dict[str, str] = {}
        for table in tables:
            stored[table.stored_as] = False
            rows[table.name] = _hash([MODEL, _columns(table.row)])
            made_of += ["table", table.name, rows[table.name], *_code(name, table.key)]
            for index in table.indexes:
                stored[index.stored_as] = not index.unique
                made_of += ["index", index.name, index.kind, *_code(name, index.function)]
            made_of += ["figures", [figure.name for figure in table.figures]]
        for figure in self.figures:
            stored[figure.stored_as] = False
            made_of += ["figure", figure.name, *_code(name, *figure.functions)]
        self.described = Described(
            hash=_hash(made_of),
            rows=rows,
            columns={table.name: table.codec.names for table in tables},
            tables=stored,
        )

    @property
    def hash(self) -> str:
        """The hash that a generation must have to be written with this class."""
        return self.described.hash

    def reads(self, other: Described) -> bool:
        """Whether this class can read the rows of a generation with this description."""
        return all(other.rows.get(name) == rows for name, rows in self.described.rows.items())


def _code(model: str, *functions: Callable[..., object]) -> list[bytes]:
    code = [code_of(_without_docstring(function)) for function in functions]
    if not all(code):
        msg = (
            f"{model}: {functions[code.index(b'')]!r} has no Python code, so changes in it "
            "could not be noticed: write a lambda or a function"
        )
        raise WiringError(msg)
    return code


def _without_docstring(function: Callable[..., object]) -> Callable[..., object]:
    if not isinstance(function, types.FunctionType):
        return function
    code = function.__code__
    if function.__doc__ is None or code.co_consts[:1] != (function.__doc__,):
        return function
    code = code.replace(co_consts=(None, *code.co_consts[1:]))
    return types.FunctionType(code, {}, closure=function.__closure__)


def _columns(row: type[BaseModel]) -> str:
    """The fields and their types, including nested records and the values of Enums."""
    return repr([(name, _type(info.annotation)) for name, info in row.model_fields.items()])


def _type(annotation: object) -> str:
    parts = "".join(map(_type, typing.get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        parts = _columns(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        parts = repr([member.value for member in annotation])
    return f"{annotation!r}[{parts}]"


def _hash(parts: Sequence[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
