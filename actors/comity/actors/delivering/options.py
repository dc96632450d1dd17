"""Checks the options and methods of an outlet, when its class is made and when it is opened."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Final

from comity.engine.errors import WiringError
from comity.engine.runtime.system import LONGEST

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""Valid names of a ledger's folder."""
MOST_AT_ONCE: Final = 10_000
"""The most deliveries at once of one outlet; each plain one takes a thread."""
OPTIONS: Final = ("at_once", "back_off", "start", "stored_as", "timeout", "tries")
"""The options that a class of outlets may set."""


def check_spelling(cls: type[AnyOutlet]) -> None:
    """Raise `WiringError` if a class sets an option but for its underscores: `backoff`."""
    for name, value in vars(cls).items():
        known = [one for one in OPTIONS if one.replace("_", "") == name.replace("_", "")]
        plain = not name.startswith("_") and not callable(value) and not hasattr(value, "__get__")
        if known and name not in known and plain:
            raise WiringError(f"{cls.__name__}.{name}: the option is called {known[0]}")


def check_options(outlet: AnyOutlet | type[AnyOutlet], name: str) -> None:
    """Check the options of an outlet's class or of an instance, which may have its own.

    Raises:
        WiringError: an option has a wrong value; the text says what was expected.
    """
    start: object = getattr(outlet, "start", None)
    if start not in ("now", "beginning") and not (type(start) is int and start >= 0):
        got = "" if start is None else f", got {start!r:.100}"
        msg = f'{name}.start: say where it begins: "now", "beginning", or a position, 0 or more'
        raise WiringError(msg + got)
    if type(outlet.at_once) is not int or not 1 <= outlet.at_once <= MOST_AT_ONCE:
        expected = f"expected a whole number from 1 to {MOST_AT_ONCE:,}"
        raise WiringError(f"{name}.at_once: {expected}, got {outlet.at_once!r:.100}")
    if type(outlet.tries) is not int or outlet.tries < 1:
        raise WiringError(f"{name}.tries: expected 1, 2, 3 ..., got {outlet.tries!r:.100}")
    if not _is_seconds(outlet.timeout):
        expected = "expected a number of seconds above 0"
        raise WiringError(f"{name}.timeout: {expected}, got {outlet.timeout!r:.100}")
    _check_back_off(outlet.back_off, name)


def _check_back_off(back_off: object, name: str) -> None:
    match back_off:
        case (int() | float() as first, int() | float() as most) if (
            _is_seconds(first) and _is_seconds(most) and first <= most
        ):
            return
        case _:
            msg = (
                f"{name}.back_off: expected the seconds of the first rest, and of the longest, "
                f"such as (0.5, 300.0), got {back_off!r:.100}"
            )
            raise WiringError(msg)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and 0 < value <= LONGEST


def check_methods(cls: type[AnyOutlet], base: type[AnyOutlet]) -> None:
    """Check that a class has methods that can be called as an outlet's are.

    Raises:
        WiringError: one is missing, takes other arguments, or is of a wrong kind.
    """
    name = cls.__name__
    if getattr(cls, "deliver", None) is getattr(base, "deliver", None):
        msg = f"{name}: write deliver(self, event, at), plain or async, which delivers an event"
        raise WiringError(msg)
    for method, arguments in (
        ("deliver", ("event", "at")), ("key", ("event", "at")), ("open", ()), ("close", ()),
    ):  # fmt: skip
        function: object = getattr(cls, method)
        if _yields(function) or not _takes(function, ("outlet", *arguments)):
            said = ", ".join(("self", *arguments))
            raise WiringError(f"{name}.{method}: expected ({said}), and not a generator")
    if inspect.iscoroutinefunction(cls.key):  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] - an Outlet has it
        msg = f"{name}.key: must not be async; it is called for each event, in order"
        raise WiringError(msg)
    _check_hooks(cls)


def _check_hooks(cls: type[AnyOutlet]) -> None:
    if is_async(cls):
        return
    for hook in ("open", "close"):
        if inspect.iscoroutinefunction(getattr(cls, hook)):
            msg = (
                f"{cls.__name__}.{hook} is async, and deliver is not, so there is no event loop: "
                "make both async, or neither"
            )
            raise WiringError(msg)


def is_async(outlet: AnyOutlet | type[AnyOutlet]) -> bool:
    """Whether an outlet's `deliver` runs on an event loop."""
    return inspect.iscoroutinefunction(getattr(outlet, "deliver", None))


def _takes(function: object, arguments: tuple[str, ...]) -> bool:
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True


def _yields(function: object) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
