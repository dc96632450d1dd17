"""Upcasts: functions that bring a message's fields from one schema version to the next.

Messages compile and check their upcasts when their class is made; `reading.py` runs them.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from pydantic import create_model

from comity.engine.errors import Invalid, WiringError
from comity.engine.messages.code import code_of
from comity.engine.messages.value import Value
from comity.engine.text import told

Fields: TypeAlias = dict[str, object]
"""The fields of a message by name: what an upcast returns."""

Upcast: TypeAlias = Callable[..., Mapping[str, object]]
"""Takes the old fields that it names, and returns the new ones: values as a person writes them."""


class Step:
    """The upcast of a class from one schema version, compiled.

    Args:
        kind: the name of the class.
        version: the schema version that the upcast starts from.
        function: the upcast.

    Raises:
        WiringError: the function's parameters do not say which fields it takes.
    """

    def __init__(self, kind: str, version: int, function: object) -> None:
        self.where = f"{kind}.upcasts[{version}]"
        if not callable(function):
            msg = f"{self.where}: expected a function from the old fields, got {function!r:.100}"
            raise WiringError(msg)
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            msg = f"{self.where}: expected a function that returns a dict, without async and yield"
            raise WiringError(msg)
        name = getattr(function, "__name__", "")
        self.where += f" ({name})" if name else ""
        self._function = function
        self.code = code_of(function)
        """The compiled code of the function, to notice when it changes."""
        self.takes = _taken(function, self.where)
        """A record of the fields that it takes, with the types that they had then."""

    def make(self, taken: Mapping[str, object]) -> Mapping[str, object]:
        """Return the new fields that the function makes of those that it takes.

        Raises:
            Invalid: the function raises, or returns no fields.
        """
        try:
            made = self._function(**taken)
        except (Exception, SystemExit) as error:  # nobody exits for reading an event
            msg = f"{self.where} raised {type(error).__name__}: {told(error, 200)}"
            raise Invalid(msg) from None
        if not isinstance(made, (dict, Mapping)):  # a dict is found ten times as fast
            msg = f"{self.where} returned {made!r:.100}, not a dict of the new fields by name"
            raise Invalid(msg)
        return cast("Mapping[str, object]", made)


def steps_of(kind: type[Value], schema_version: object, upcasts: object) -> tuple[Step, ...]:
    """Compile the upcasts of a class, one from each older schema version, in order.

    Raises:
        WiringError: one is missing, or starts from a version that is not older.
    """
    name = kind.__name__
    if type(schema_version) is not int or schema_version < 1:
        msg = f"{name}.schema_version: expected 1, 2, 3 ..., got {schema_version!r:.100}"
        raise WiringError(msg)
    if hasattr(kind, "upcast"):
        msg = (
            f"{name}.upcast: write upcasts = {{1: function, ...}} instead, with one function from "
            "each schema version to the next"
        )
        raise WiringError(msg)
    if not isinstance(upcasts, Mapping):
        msg = f"{name}.upcasts: expected a dict such as {{1: function}}, got {upcasts!r:.100}"
        raise WiringError(msg)
    given = cast("Mapping[object, object]", upcasts)
    for version in given:
        if type(version) is not int or not 1 <= version < schema_version:
            msg = (
                f"{name}.upcasts: {version!r:.100} is not a version before {schema_version}; an "
                "upcast stands under the version that it starts from"
            )
            raise WiringError(msg)
    for version in range(1, schema_version):
        if version not in given:
            msg = (
                f"{name} has schema version {schema_version} and no upcast from version {version}: "
                f"write upcasts = {{{version}: function}}; it takes old fields and returns new "
                "ones, or takes none and returns {} if there is nothing to convert"
            )
            raise WiringError(msg)
    return tuple(Step(name, version, given[version]) for version in range(1, schema_version))


def _taken(function: Callable[..., object], where: str) -> type[Value]:
    """Make the record of a function's parameters."""
    try:
        parameters = inspect.signature(function).parameters.values()
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        msg = (
            f"{where}: its parameters cannot be read at run time ({error}); write a function, and "
            "import the types in its annotations outside of TYPE_CHECKING"
        )
        raise WiringError(msg) from None
    fields: dict[str, tuple[object, object]] = {}
    for one in parameters:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            msg = f"{where}: {one.name} names no field; write one parameter for each field"
            raise WiringError(msg)
        if one.name not in hints:
            msg = f"{where}: annotate {one.name} with the type that this field had then"
            raise WiringError(msg)
        fields[one.name] = (hints[one.name], ... if one.default is one.empty else one.default)
    make = cast("Callable[..., type[Value]]", create_model)
    return make(where, __base__=Value, __module__=__name__, **fields)
