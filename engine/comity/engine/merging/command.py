"""Commands: messages that ask for something, and say what becomes of them when they clash."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Never

from comity.engine.errors import WiringError
from comity.engine.merging.rules import reject
from comity.engine.messages.fields import Shape
from comity.engine.messages.footprint import Footprint, Hole, Pattern, fill, parse
from comity.engine.messages.message import Message

if TYPE_CHECKING:
    from comity.engine.merging.clash import Clash


def _takes_two(rule: object) -> bool:
    """Whether it can be called as a conflict rule is: with a command and a clash."""
    if not callable(rule) or inspect.iscoroutinefunction(rule):
        return False
    try:
        inspect.signature(rule).bind("command", "clash")
    except (TypeError, ValueError):
        return False
    return True


class Command(Message):
    """A person's intent, in the imperative. May be refused.

    Example:
        class RenameCard(Command):
            card: Key[str]
            title: Annotated[str, Len(1, 200)]
            on_conflict = overwrite
    """

    depends_on: ClassVar[str | tuple[str, ...]] = ()
    """Templates of paths that it rests on without changing them."""

    if TYPE_CHECKING:
        # Declared, so that the checkers hold every rule to it. A method that takes Clash[State]
        # takes a Clash[Never], because Clash is covariant.
        def on_conflict(self, clash: Clash[Never], /) -> Command | None:
            """What becomes of it when it clashes.

            `reject` (the default), `overwrite`, `give_way`, `transform(step)`, or a method
            `(self, clash: Clash[State], /) -> Self | None` that returns the command to go on with
            (its own kind, or another of the decider's), or None to drop it, or raises `Conflicted`.
            """
            ...
    else:
        on_conflict = reject

    __depends__: ClassVar[tuple[Pattern, ...]] = ()

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        exact = [name for name in cls.model_fields if shapes[name].exact]
        cls.__depends__ = parse(cls.depends_on, exact, f"{cls.__name__}.depends_on")
        rule: object = cls.on_conflict
        if not _takes_two(rule):
            msg = (
                f"{cls.__name__}.on_conflict: expected a rule such as reject, overwrite, give_way "
                f"or transform(step), or a method (self, clash, /), got {rule!r}"
            )
            raise WiringError(msg)

    def dependencies(self) -> Footprint:
        """The paths that this command rests on. Override it where they must be computed."""
        return fill(self.__depends__, self.__dict__) if self.__depends__ else ()


# pydantic lets a subclass assign these without an annotation, as it does for any ClassVar.
Command.__class_vars__.add("on_conflict")


def dependencies_of(kind: type[Command]) -> tuple[Pattern, ...]:
    """What the class says that its commands rest on."""
    computed = kind.dependencies is not Command.dependencies
    return ((Hole("*"),),) if computed else kind.__depends__


def rule_name(kind: type[Command]) -> str:
    """How reports and the matrix call a command's rule."""
    rule: object = kind.on_conflict
    name = str(getattr(rule, "__name__", "rule"))
    return f"{kind.__name__}.on_conflict" if name == "on_conflict" else name
