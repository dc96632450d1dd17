"""Commands: messages that ask for a change, with a conflict rule for when they clash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Never

from comity.engine.merging.rule import Rule
from comity.engine.merging.rules import reject
from comity.engine.messages.footprint import Fill, Footprint, Hole, Pattern, checked, filling, parse
from comity.engine.messages.message import Message
from comity.engine.messages.shape import Shape

if TYPE_CHECKING:
    from comity.engine.merging.clash import Clash


def rule_of(kind: type[Command]) -> Rule:
    """Return the conflict rule of a command class.

    Raises:
        WiringError: its `on_conflict` is no rule.
    """
    return Rule(kind, kind.on_conflict, f"{kind.__name__}.on_conflict")


class Command(Message):
    """A request to change an aggregate, in the imperative. It may be refused.

    Example:
        class RenameCard(Command):
            card: Key[str]
            title: Annotated[str, Len(1, 200)]
            on_conflict = overwrite
    """

    depends_on: ClassVar[str | tuple[str, ...]] = ()
    """Templates of the paths that the command depends on without changing them."""

    if TYPE_CHECKING:
        # Declared, so that type checkers check every rule against this signature. A method that
        # takes Clash[State] also takes a Clash[Never], because Clash is covariant.
        def on_conflict(self, clash: Clash[Never], /) -> Command | None:
            """Decide what to do with the command when it clashes.

            Assign `reject` (the default), `overwrite`, `give_way` or `transform(step)`, or write a
            method `(self, clash: Clash[State], /) -> Self | None`. The method returns the command
            to go on with (of its own class, or another command of the decider), or None to drop
            the command.

            Raises:
                Conflicted: the rule refuses the command.
            """
            ...
    else:
        on_conflict = reject

    __depends__: ClassVar[tuple[Pattern, ...]] = ()
    __fill_depends__: ClassVar[Fill]

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        exact = [name for name in cls.model_fields if shapes[name].exact]
        cls.__depends__ = parse(cls.depends_on, exact, f"{cls.__name__}.depends_on")
        cls.__fill_depends__ = filling(cls.__depends__)
        rule_of(cls)

    def dependencies(self) -> Footprint:
        """Return the paths that this command depends on. Override it if they must be computed."""
        return type(self).__fill_depends__(self.__dict__)


# pydantic lets a subclass assign these without an annotation, as it does for any ClassVar.
Command.__class_vars__.add("on_conflict")


def rests_on(command: Command) -> Footprint:
    """Return the paths that the command depends on, checked if its class computes them.

    Raises:
        TypeError: computed dependencies are not a tuple of paths.
    """
    kind = type(command)
    if kind.dependencies is not Command.dependencies:
        return checked(command.dependencies())
    return kind.__fill_depends__(command.__dict__) if kind.__depends__ else ()


def dependencies_of(kind: type[Command]) -> tuple[Pattern, ...]:
    """Return the patterns of the paths that commands of this class depend on."""
    computed = kind.dependencies is not Command.dependencies
    return ((Hole("*"),),) if computed else kind.__depends__
