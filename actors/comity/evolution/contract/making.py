"""Makes messages of any class: each field gets a value of its type, within its limits.

Samples of contracts and the laws of `comity.testing` use it. In a story values are few and come
again, since people change the same things: see `Known`.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import cycle, islice
from typing import Final, Protocol, TypeAlias, TypeVar, cast
from uuid import UUID

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, ResolutionFailed
from hypothesis.strategies import SearchStrategy
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from comity.engine.errors import WiringError
from comity.engine.messages.message import Message
from comity.engine.messages.value import Value

M = TypeVar("M", bound=Value)
T = TypeVar("T")

Draw: TypeAlias = "Callable[[SearchStrategy[object]], object]"
Strategies: TypeAlias = "Mapping[object, SearchStrategy[object]]"
"""Strategies of the test, by type, by message class, or by the name of a field."""

USUAL: Final[Mapping[type, Sequence[object]]] = {
    str: ("a", "b", "c", ""),
    int: (0, 1, 2, 3),
    float: (0.0, 1.0, 2.5),
    bytes: (b"", b"a"),
    datetime: (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 2, 12, tzinfo=UTC)),
    date: (date(2027, 1, 1), date(2027, 1, 2)),
    time: (time(9), time(17, 30)),
    timedelta: (timedelta(0), timedelta(hours=1)),
    UUID: (UUID(int=1), UUID(int=2)),
    Decimal: (Decimal(0), Decimal("1.5")),
}
"""The values that a field gets most of the time."""


class Known(Protocol):
    """The values that a story has used so far, and those in its state."""

    def is_key(self, name: str, /) -> bool:
        """Whether a field of this name says which thing a message is about."""
        ...

    def used(self, name: str, /) -> Sequence[object]:
        """Return the newest values of a field."""
        ...

    def held(self, kind: type[object], name: str, /) -> Sequence[object]:
        """Return values of this type that the state holds."""
        ...


_STRICT: Final = ConfigDict(strict=True, allow_inf_nan=False)
_TRIES: Final = 5


class Maker:
    """Makes messages of some classes.

    Args:
        kinds: the classes of the messages.
        strategies: the test's own strategies.
        usual: the values that a field of a type gets most of the time, if they are within its
            limits.
        only_usual: whether fields that have usual values get no others.
        caller: the function that takes the strategies; errors name it.

    Raises:
        WiringError: a strategy is for a field that no message has.
    """

    def __init__(
        self,
        kinds: Iterable[type[Message]],
        strategies: Strategies,
        usual: Mapping[type, Sequence[object]] = USUAL,
        *,
        only_usual: bool = False,
        caller: str = "laws",
    ) -> None:
        self._strategies = strategies
        self._usual_values = usual
        self._only_usual = only_usual
        self._caller = caller
        self._hints: dict[type[Value], dict[str, object]] = {}
        self._valid: dict[int, tuple[object, Sequence[object], Callable[[object], bool]]] = {}
        self.failures: dict[str, str] = {}
        """Why messages of a class could not be made, by the class's name."""
        names = {name for kind in kinds for name in kind.model_fields}
        for key in strategies:
            if isinstance(key, str) and key not in names:
                known = ", ".join(sorted(names))
                msg = f"strategies: no message has a field {key!r}; the fields are {known}"
                raise WiringError(msg)

    def make(self, draw: Draw, kind: type[M], known: Known) -> M:
        """Draw a message, or a record that is nested in one.

        Raises:
            UnsatisfiedAssumption: no valid message came in a few tries; Hypothesis tries others.
        """
        own = self._strategies.get(kind)
        if own is not None:
            return cast("M", draw(own))
        for _ in range(_TRIES):
            fields = {
                name: self._value(draw, hint, name, known)
                for name, hint in self._hints_of(kind).items()
                if kind.model_fields[name].is_required() or draw(st.booleans())
            }
            made = self._made(kind, fields)
            if made is not None:
                return made
        return reject()

    def vary(self, draw: Draw, message: M, known: Known) -> M:
        """Draw a message that differs from this one in at most one field."""
        kind = type(message)
        hints = self._hints_of(kind)
        if not hints or kind in self._strategies:
            return message
        names = list(hints)
        name = names[cast("int", draw(whole(0, len(names) - 1)))]
        fields = {one: getattr(message, one) for one in names}
        fields[name] = self._value(draw, hints[name], name, known)
        return self._made(kind, fields) or message

    def _made(self, kind: type[M], fields: Mapping[str, object]) -> M | None:
        try:
            return kind(**fields)
        except ValidationError as error:
            self.failures[kind.__name__] = " ".join(str(error).split())[:300]
            return None

    def _hints_of(self, kind: type[Value]) -> dict[str, object]:
        if kind not in self._hints:
            try:
                hints = typing.get_type_hints(kind, include_extras=True)
            except NameError:  # a class in a function, whose names only pydantic has seen
                hints = {}
            self._hints[kind] = {
                name: hints.get(name, _annotated(field.annotation, field.metadata))
                for name, field in kind.model_fields.items()
            }
        return self._hints[kind]

    def _value(self, draw: Draw, hint: object, name: str, known: Known) -> object:
        own = self._own(name, hint)
        if own is not None:
            return draw(own)
        bare, _ = _taken_apart(hint)
        origin, members = typing.get_origin(bare), typing.get_args(bare)
        if origin is typing.Union or origin is types.UnionType:
            return self._value(draw, draw(st.sampled_from(members)), name, known)
        if origin is typing.Literal:
            return draw(st.sampled_from(members))
        if origin in {tuple, frozenset}:
            return self._several(draw, hint, name, known)
        return self._single(draw, hint, name, known)

    def _own(self, name: str, hint: object) -> SearchStrategy[object] | None:
        """Return the test's own strategy for a field or type, if it gave one."""
        try:
            own = self._strategies.get(name)
            return self._strategies.get(hint) if own is None else own
        except TypeError:  # a hint with limits that cannot be a key
            return None

    def _single(self, draw: Draw, hint: object, name: str, known: Known) -> object:
        bare, _ = _taken_apart(hint)
        if bare is None or bare is type(None):
            return None
        if bare is bool:
            return draw(st.booleans())
        if isinstance(bare, type) and issubclass(bare, Enum):
            return draw(st.sampled_from(list(bare)))
        if isinstance(bare, type) and issubclass(bare, Value):
            return self.make(draw, bare, known)
        return self._leaf(draw, hint, name, known)

    def _several(self, draw: Draw, hint: object, name: str, known: Known) -> object:
        bare, limits = _taken_apart(hint)
        kind, members = typing.get_origin(bare), typing.get_args(bare)
        if kind is tuple and members[1:] != (Ellipsis,):
            return tuple(self._value(draw, member, name, known) for member in members)
        least = max([cast("int", getattr(one, "min_length", 0) or 0) for one in limits], default=0)
        size = cast("int", draw(whole(least, least + 2)))
        items = [self._value(draw, members[0], name, known) for _ in range(size)]
        return frozenset(items) if kind is frozenset else tuple(items)

    def _leaf(self, draw: Draw, hint: object, name: str, known: Known) -> object:
        bare, limits = _taken_apart(hint)
        usual, valid = self._usual(hint, bare)
        used = known.used(name)
        held, is_key = known.held(cast("type", bare), name), known.is_key(name)
        rest = [*usual[:3], *held] if is_key else [*usual, *held, *held]
        # A key is mostly one that was used before: else nearly every command would be refused.
        again = list(islice(cycle(used), 2 * len(rest) * is_key))
        pool = [*used, *rest, *again]
        chosen = draw(whole(0, len(pool) - (bool(pool) and (is_key or self._only_usual))))
        assert isinstance(chosen, int)
        if chosen < len(pool) and valid(pool[chosen]):
            return pool[chosen]
        if usual and chosen < len(pool):
            return usual[chosen % len(usual)]  # the chosen one is valid elsewhere only
        try:
            return draw(_any(bare, hint, limits).filter(valid))
        except (InvalidArgument, ResolutionFailed) as error:
            msg = f"{name}: no strategy for {hint!r}: {error}; {advice(name, self._caller)}"
            raise WiringError(msg) from None

    def _usual(
        self, hint: object, bare: object
    ) -> tuple[Sequence[object], Callable[[object], bool]]:
        """Return the usual values of a field that are valid, and the check of any value."""
        found = self._valid.get(id(hint))
        if found is None:
            try:
                adapter = TypeAdapter[object](cast("type", hint), config=_STRICT)
            except PydanticUserError:
                adapter = TypeAdapter[object](cast("type", hint))

            def valid(value: object) -> bool:
                try:
                    adapter.validate_python(value)
                except ValidationError:
                    return False
                return True

            usual = [one for one in self._usual_values.get(cast("type", bare), ()) if valid(one)]
            found = self._valid[id(hint)] = (hint, usual, valid)  # keeps the hint, and so its id
        return found[1], found[2]


@functools.cache
def whole(least: int, most: int) -> SearchStrategy[int]:
    """Return the strategy of whole numbers; making one takes as long as drawing from it."""
    return st.integers(least, most)


def advice(name: str, caller: str) -> str:
    """Say how to give a strategy."""
    return f'give one: {caller}(..., strategies={{"{name}": st.sampled_from([...])}})'


def _any(bare: object, hint: object, limits: Sequence[object]) -> SearchStrategy[object]:
    """Return a strategy for any value of a type; the caller leaves out values beyond its limits."""
    patterns = [one for limit in limits if (one := getattr(limit, "pattern", None))]
    if bare is str and patterns:
        return st.from_regex(cast("str", patterns[0]))
    if bare is Decimal:
        return st.decimals(
            _limit(limits, "ge", "gt"), _limit(limits, "le", "lt"), allow_nan=False,
            allow_infinity=False, places=2,
        )  # fmt: skip
    if bare is datetime:
        return st.datetimes(timezones=st.just(UTC))
    if not limits and bare in FREE:
        return FREE[cast("type", bare)]
    return cast("SearchStrategy[object]", st.from_type(cast("type", hint)))


FREE: Final[Mapping[type, SearchStrategy[object]]] = {
    str: st.text(max_size=4),
    int: st.integers(-5, 20),
    float: st.floats(allow_nan=False, allow_infinity=False),
}
"""Other values than the usual ones, of types without limits."""


def _limit(limits: Sequence[object], *names: str) -> Decimal | None:
    """Return the first limit of these names, such as `ge`; None if there is none."""
    found = [getattr(limit, name, None) for limit in limits for name in names]
    return next((cast("Decimal", one) for one in found if one is not None), None)


def _taken_apart(hint: object) -> tuple[object, Sequence[object]]:
    """Return a type without Annotated, NewType and aliases around it, and its limits."""
    limits: list[object] = []
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint, *more = typing.get_args(hint)
            for one in more:
                limits += one.metadata if isinstance(one, FieldInfo) else [one]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":  # Python 3.12's `type X = ...`
            hint = cast("typing.Any", hint).__value__
        else:
            return hint, limits


def _annotated(annotation: object, metadata: Sequence[object]) -> object:
    return typing.Annotated[annotation, *metadata] if metadata else annotation
