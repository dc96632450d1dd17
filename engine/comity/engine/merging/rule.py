"""One conflict rule as a decider plays it: a function with the name that reports give it.

A decider takes its rules from its command classes; `with_rules` gives it others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Never, TypeAlias, cast

from comity.engine.errors import WiringError

if TYPE_CHECKING:
    from comity.engine.merging.clash import Clash
    from comity.engine.messages.message import Message

RuleFunction: TypeAlias = "Callable[[Never, Clash[Never]], Message | None]"
"""Any conflict rule: a function of any command and any clash. See `Command.on_conflict`."""


class Rule:
    """A conflict rule and its name.

    Args:
        kind: the command class that it decides about.
        function: the rule. One that is called `on_conflict` gets the name of its class.
        where: the beginning of the error.

    Raises:
        WiringError: the function cannot be called with a command and a clash.
    """

    __slots__ = ("ask", "name")

    def __init__(self, kind: type[Message], function: RuleFunction, where: str) -> None:
        if not _takes_two(function):
            msg = (
                f"{where}: expected a rule such as reject, overwrite, give_way or "
                f"transform(step), or a method (self, clash, /), got {function!r}"
            )
            raise WiringError(msg)
        # Only its decider's commands and states come to it, so they fit.
        self.ask = cast("Callable[[Message, Clash[object]], object]", function)
        """Returns the command to go on with, or None to drop it, or raises `Conflicted`."""
        name = str(getattr(function, "__name__", "rule"))
        self.name = f"{kind.__name__}.on_conflict" if name == "on_conflict" else name

    def __repr__(self) -> str:
        return f"Rule({self.name})"


def _takes_two(function: object) -> bool:
    """Whether the function can be called with a command and a clash."""
    if not callable(function) or inspect.iscoroutinefunction(function):
        return False
    try:
        inspect.signature(function).bind("command", "clash")
    except (TypeError, ValueError):
        return False
    return True
