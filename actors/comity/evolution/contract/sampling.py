"""Makes stored samples of a message class with Hypothesis. `writing.py` uses it.

Samples are few and cover much: the edges of types, each member of a union or Enum, values that are
absent, nested records. The same class gives the same samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, TypeAlias, cast
from uuid import UUID
from zlib import crc32

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import JsonValue

from comity.engine.errors import WiringError
from comity.engine.messages import codec
from comity.engine.messages.message import Message
from comity.evolution.contract.describing import described
from comity.evolution.contract.form import Form
from comity.evolution.contract.making import Draw, Maker, Strategies
from comity.evolution.contract.tagged import to_json

Stored: TypeAlias = Mapping[str, JsonValue]

_Feature: TypeAlias = tuple[str, str]
"""A place in a sample, and its value there."""

MOST: Final = 5
"""The most samples of a class, beside the one without optional fields; more only if an Enum or
Literal has more members."""
DRAWN: Final = 40
"""So many messages are drawn; the samples are chosen among them."""
EDGES: Final[Mapping[type, Sequence[object]]] = {
    str: ("a", "", "Zo\u00eb \U0001f98a", ' Line\none "two" '),
    int: (1, 0, 2**53 + 1, -(2**53) - 1),  # no float holds them
    float: (0.5, 0.0, -1.0, 1e15, 1e-9),
    bytes: (b"a", b"", b"\x00\xff"),
    datetime: (
        datetime(2027, 1, 1, 12, tzinfo=UTC), datetime(1900, 2, 28, tzinfo=UTC),
        datetime(2999, 12, 31, 23, 59, 59, 999_999, UTC),
    ),
    date: (date(2027, 1, 1), date(1900, 2, 28), date(2999, 12, 31)),
    time: (time(9), time.min, time.max),
    timedelta: (timedelta(hours=1), timedelta(0), timedelta(microseconds=-1)),
    UUID: (UUID(int=1), UUID(int=0), UUID(int=(1 << 128) - 1)),
    Decimal: (Decimal("1.5"), Decimal(0), Decimal("-0.001"), Decimal("12345678901.20")),
}  # fmt: skip
"""Unusual values that people could have stored. They are not the greatest possible: an upcast that
makes cents of an amount, or adds a day, should not fail the gate because of a year 9999."""


class Sampler:
    """Makes samples of some classes.

    Args:
        kinds: the classes.
        strategies: strategies by type, by class or by the name of a field, where a validator of
            a class accepts few values.

    Raises:
        WiringError: a strategy is for a field that no class has.
    """

    def __init__(self, kinds: Iterable[type[Message]], strategies: Strategies) -> None:
        self._maker = Maker(kinds, strategies, EDGES, only_usual=True, caller="write_contract")

    def samples_of(self, kind: type[Message]) -> tuple[Stored, ...]:
        """Make samples of a class: stored fields, as JSON.

        Raises:
            WiringError: no message of the class could be made.
        """
        chosen = _covering(self._drawn(kind), frozenset(_choices(described(kind), "")))
        required = {
            name
            for name, field in zip(kind.__stored__.names, kind.model_fields.values(), strict=True)
            if field.is_required()
        }
        if len(required) == len(kind.model_fields):
            return tuple(chosen)
        least = {name: value for name, value in chosen[0].items() if name in required}
        return (*chosen, least)

    def _drawn(self, kind: type[Message]) -> list[Stored]:
        """Let Hypothesis draw messages; the first one has the simplest values."""
        drawn: list[Stored] = []

        def draw_one(data: st.DataObject) -> None:
            message = self._maker.make(cast("Draw", data.draw), kind, _NothingKnown())
            drawn.append(cast("Stored", to_json(codec.unpack_fields(codec.pack(message)))))

        draw = hypothesis.seed(crc32(kind.stored_as.encode()))(ALONE(GIVEN(draw_one)))
        try:
            draw()
        except Unsatisfiable:
            why = self._maker.failures.get(kind.__name__, "its validators refuse what was tried")
            msg = (
                f"no {kind.__name__} could be made for the samples: {why}; give strategies for "
                "its fields: write_contract(..., strategies={...}), or --strategies module:name"
            )
            raise WiringError(msg) from None
        return drawn


GIVEN: Final = hypothesis.given(st.data())
ALONE: Final = settings(
    max_examples=DRAWN, database=None, deadline=None, derandomize=False, phases=[Phase.generate],
    suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
)  # fmt: skip
"""The same draws each time, whatever Hypothesis is set to, and nothing is kept on the disk."""


class _NothingKnown:
    """No story: a sample does not depend on others."""

    def is_key(self, name: str, /) -> bool:
        return False

    def used(self, name: str, /) -> Sequence[object]:
        return ()

    def held(self, kind: type[object], name: str, /) -> Sequence[object]:
        return ()


def _covering(drawn: Sequence[Stored], choices: frozenset[_Feature]) -> list[Stored]:
    """Choose samples that have as many different values in each field as possible.

    Args:
        drawn: samples; the first one is always chosen.
        choices: values of which each one is to come up: an upcast may treat each in its own way.
    """
    features = [frozenset(_features(sample, "")) for sample in drawn]
    chosen, seen = [0], set(features[0])
    wanted = choices & frozenset[_Feature]().union(*features)
    while len(chosen) < MOST or not wanted <= seen:
        best = max(
            range(len(drawn)),
            key=lambda one: (
                len((features[one] & wanted) - seen), len(features[one] - seen),
                -len(str(drawn[one])),
            ),
        )  # fmt: skip
        if features[best] <= seen:
            break
        chosen.append(best)
        seen |= features[best]
    return [drawn[number] for number in chosen]


def _choices(form: Form, at: str) -> Iterator[_Feature]:
    """Yield each value of each Enum or Literal, with its place."""
    for value in form.values:
        yield at, repr(value)
    for name, field in form.fields.items():
        yield from _choices(field, f"{at}.{name}")
    for member in form.of if form.type == "union" else ():
        yield from _choices(member, at)
    for item in (form.each,) if form.each else form.of if form.type == "tuple" else ():
        yield from _choices(item, f"{at}[]")


def _features(value: JsonValue | Stored, at: str) -> Iterator[_Feature]:
    """Yield each value with its place."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _features(part, f"{at}.{name}")
    elif isinstance(value, list):
        yield at, f"{min(len(value), 2)} items"
        for item in value:
            yield from _features(item, f"{at}[]")
    else:
        yield at, repr(value)
