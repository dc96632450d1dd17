"""Histories that Hypothesis makes of a decider's commands, for a survey of footprints.

Most values come from a few names and from the state so far, so that many commands are accepted and
are about the same things.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Annotated,
    Final,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
)

import typer
from pydantic import BaseModel

from comity.cli.arguments import AnyDecider
from comity.engine import At, Command, Event, Refused, Sent
from comity.engine.checking.copies import copied
from comity.engine.checking.footprints import Attempt, Step
from comity.engine.checking.parts import children, walk
from comity.engine.merging.command import rests_on
from comity.engine.messages.footprint import Footprint
from comity.engine.messages.message import footprint_of

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

LONGEST: Final = 30
"""The most commands in a history."""
NAMES: Final = ("a", "b", "c")
FEW: Final[Mapping[type, Sequence[object]]] = {
    str: NAMES, int: range(6), bool: (False, True), type(None): (None,),
}  # fmt: skip
MOST: Final = 50
"""The most values of one type that are taken from the state."""

_T = TypeVar("_T")
Pool: TypeAlias = Mapping[type, Sequence[object]]
"""By type: the values to choose from."""


def made_histories(
    decider: AnyDecider,
    count: int,
    take: Callable[[Iterable[Step[Event] | Attempt[Command]]], None],
) -> None:
    """Make histories of commands that `decide` accepts, and pass each to `take`.

    Raises:
        typer.BadParameter: Hypothesis is not installed, or cannot make the commands.
    """
    try:
        from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415 - it is optional
        from hypothesis import strategies as some  # noqa: PLC0415
        from hypothesis.errors import HypothesisException  # noqa: PLC0415
    except ImportError:
        msg = "histories are made with Hypothesis: install comity[testing], or name a --journal"
        raise typer.BadParameter(msg) from None

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    @given(some.data())
    def play(data: DataObject) -> None:
        take(_Maker(data).history(decider))

    try:
        play()
    except HypothesisException as error:
        msg = f"Hypothesis cannot make commands of {decider.name} ({error}): name a --journal"
        raise typer.BadParameter(msg) from None


class _Maker:
    """Makes one history by drawing from Hypothesis."""

    def __init__(self, data: DataObject) -> None:
        self._data = data

    def history(self, decider: AnyDecider) -> Iterator[Step[Event] | Attempt[Command]]:
        """Yield the events of the commands that are accepted."""
        state, version = decider.initial(), 0
        for number in range(LONGEST):
            command = self._command(self._one_of(decider.commands), _pool(state))
            who = self._one_of(NAMES)
            if command is None:
                continue
            sent = Sent(who, f"{who}'s session", version)
            yield Attempt(command, sent)
            try:
                events = tuple(decider.decide(copied(state), command, sent))
            except Refused:
                continue
            for event in events:
                version += 1
                at = At(version, 0, who, sent.session)
                state = decider.evolve(copied(state), event, at)
                yield Step(event, at, command.stored_as, number, _touched(command))

    def _command(self, kind: type[Command], pool: Pool) -> Command | None:
        """A command; None if the drawn fields did not fit."""
        try:
            return cast("Command", self._record(kind, pool))
        except ValueError:  # pydantic's
            return None

    def _record(self, kind: type[BaseModel], pool: Pool) -> BaseModel:
        fields = {
            name: field.default
            if not field.is_required() and self._one_of((True, False))
            else self._value(field.annotation, pool)
            for name, field in kind.model_fields.items()
        }
        return kind(**fields)

    def _value(self, annotation: object, pool: Pool) -> object:
        while get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        inner = get_args(annotation)
        if isinstance(annotation, type) and annotation in pool:
            return self._one_of(pool[annotation])
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self._record(annotation, pool)
        if get_origin(annotation) in (typing.Union, types.UnionType):
            return self._value(self._one_of(inner), pool)
        if get_origin(annotation) is tuple and inner[-1] is Ellipsis:
            return tuple(self._value(inner[0], pool) for _ in range(self._one_of(range(3))))
        if get_origin(annotation) is tuple:
            return tuple(self._value(each, pool) for each in inner)
        from hypothesis import strategies as some  # noqa: PLC0415 - it is optional

        return self._data.draw(some.from_type(cast("type[object]", annotation)))

    def _one_of(self, values: Sequence[_T]) -> _T:
        from hypothesis import strategies as some  # noqa: PLC0415 - it is optional

        return self._data.draw(some.sampled_from(values))


def _pool(state: object) -> Pool:
    """The few values of each type, and those in the state."""
    found: dict[type, dict[object, None]] = {
        kind: dict.fromkeys(values) for kind, values in FEW.items()
    }
    for part, value in walk(state):
        for each in (*part[-1:], *_leaves(value)):
            known = found.get(type(each))
            if known is not None and len(known) < MOST:
                known[each] = None
    return {kind: list(values) for kind, values in found.items()}


def _leaves(value: object) -> Sequence[object]:
    held = children(value) or {}
    return [*held, *(each for each in held.values() if children(each) is None)]


def _touched(command: Command) -> Footprint:
    return footprint_of(command) + rests_on(command)
