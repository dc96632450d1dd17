"""A copied state is equal to the original, and shares nothing with it that could be changed."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

import pytest

from comity.simulation.playing.copying import copied


class Color(Enum):
    RED = 1


@dataclass
class Card:
    title: str
    voters: set[str] = field(default_factory=set[str])
    notes: list[list[int]] = field(default_factory=list[list[int]])


@dataclass(slots=True)
class Slotted:
    cards: dict[str, Card]


@dataclass(frozen=True)
class Frozen:
    color: Color
    cards: tuple[Card, ...]


class Plain:
    def __init__(self) -> None:
        self.numbers = [1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and other.numbers == self.numbers

    __hash__ = None  # type: ignore[assignment]


STATES = [
    7,
    "text",
    None,
    {"a": Card("x", {"ann"}, [[1], [2]]), "b": Card("y")},
    Slotted({"a": Card("x")}),
    Frozen(Color.RED, (Card("x"),)),
    [Plain(), {1: {2: {3}}}],
    deque([Card("x")]),
    frozenset({1, 2}),
    MappingProxyType({"a": Card("x")}),
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_a_copy_equals_the_original(state: object) -> None:
    assert copied(state) == state
    assert type(copied(state)) is type(state)


def test_changing_a_copy_does_not_change_the_original() -> None:
    original = Slotted({"a": Card("x", {"ann"}, [[1]])})
    before = copy.deepcopy(original)
    changed = copied(original)
    changed.cards["a"].voters.add("bob")
    changed.cards["a"].notes[0].append(2)
    changed.cards["a"].title = "y"
    changed.cards["b"] = Card("new")
    assert original == before


def test_what_a_dataclass_has_beside_its_fields_is_copied_too() -> None:
    card = Card("x")
    card.extra = [1]  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    assert copied(card).__dict__ == card.__dict__
    assert copied(card).__dict__["extra"] is not card.__dict__["extra"]
