"""Checks the arguments of a process when it is made, so that a mistake is found at import."""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal, TypeAlias, TypeVar, cast

from comity.engine.aggregate_id import check_type_name
from comity.engine.errors import Invalid, WiringError
from comity.engine.merging.decider import AggregateType, AnyDecider, Decider
from comity.engine.merging.told import is_told
from comity.engine.messages.message import Event, names_of
from comity.engine.messages.message_names import check_stored_name
from comity.engine.messages.unions import members, message_classes
from comity.engine.processes.answered import Answered
from comity.engine.processes.events import ProcessHeard
from comity.engine.processes.heard import Heard
from comity.engine.processes.rang import Rang
from comity.engine.text import told

S = TypeVar("S")

Start: TypeAlias = Literal["now", "beginning"] | int
"""Where a process begins in a journal that exists already."""


def check_name(name: str) -> str:
    """Return the process's name, or raise `WiringError`."""
    try:
        return check_type_name(name)
    except (Invalid, TypeError) as error:
        raise WiringError(f"a process's name is that of its stream's type: {error}") from None


def check_initial(initial: Callable[[], S], name: str) -> S:
    """Return a state, of which a copy can be made, or raise `WiringError`."""
    what = f"{name}: initial"
    try:
        state = initial()
    except Exception as error:
        msg = f"expected a class or function without parameters, and it raised {_said(error)}"
        raise WiringError(f"{what}: {msg}") from None
    try:
        copy.deepcopy(state)
    except Exception as error:
        msg = "evolve and react get copies of the state, and copy.deepcopy raised"
        raise WiringError(
            f"{what}: {msg} {_said(error)}; keep plain values and dataclasses in it"
        ) from None
    return state


def events_of(key: Callable[..., object], name: str) -> tuple[type[Event], ...]:
    """Return the event classes in the annotation of `key`, or raise `WiringError`."""
    where = f"{name}: key"
    wanted = "annotate its first parameter with the union of the events that the process hears"
    kinds = message_classes(_hint(key, 0, where, wanted), Event, f"{where}: {wanted}")
    names = [each for kind in kinds for each in names_of(kind)]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        msg = f"two of its event classes are called {', '.join(twice)}"
        raise WiringError(f"{where}: {msg}; give one a stored_as, or remove the alias")
    return kinds


def check_things(
    function: Callable[..., object], events: Sequence[type[Event]], where: str
) -> None:
    """Check that `evolve` or `react` takes the events, answers and rings; raises `WiringError`."""
    wanted = (
        "annotate its second parameter with the union of key's events, Answered and Rang, such as "
        "`TripEvent | Answered | Rang`"
    )
    got = set(members(_hint(function, 1, where, wanted)))
    expected: set[object] = {*events, Answered, Rang}
    missing, foreign = _names(expected - got), _names(got - expected)
    if missing or foreign:
        lacks = f"it lacks {missing}" if missing else ""
        more = f"key does not take {foreign}" if foreign else ""
        raise WiringError(f"{where}: {'; '.join(filter(None, (lacks, more)))}: {wanted}")


def takes_heard(function: Callable[..., object], usual: str, where: str) -> bool:
    """Whether a function has `heard: Heard` as its last parameter.

    Raises:
        WiringError: it has other parameters, is async, or is not a function.
    """
    plain = function
    while isinstance(plain, partial):
        plain = plain.func
    call = getattr(plain, "__call__", plain)  # noqa: B004 - of an object that can be called
    for one in (plain, call):
        if inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one):
            msg = (
                f"{where}: expected a plain function, got an async one; it may not wait: what takes"
            )
            raise WiringError(f"{msg} time belongs into an order, or into an outlet")
    return is_told(function, Heard, usual, where)


def check_starts(
    starts: Iterable[type[Event]], events: Sequence[type[Event]], name: str
) -> frozenset[type[Event]]:
    """Return the classes of the events that begin an instance, or raise `WiringError`."""
    where = f"{name}: starts: expected a list of event classes that key takes"
    given = _listed(starts, where)
    foreign = [one for one in given if one not in events]
    if foreign or not given:
        got = _names(foreign) or "none"
        raise WiringError(f"{where} ({_names(events)}), got {got}")
    return frozenset(cast("list[type[Event]]", given))


def check_orders(orders: Iterable[AggregateType], name: str) -> dict[str, AnyDecider]:
    """Return the deciders that may be given orders, by name, or raise `WiringError`."""
    where = f"{name}: orders: expected a list of deciders"
    found: dict[str, AnyDecider] = {}
    for one in _listed(orders, where):
        if not isinstance(one, Decider):
            raise WiringError(f"{where}, got {one!r:.100} in it")
        decider = cast("AnyDecider", one)
        if ProcessHeard in decider.event_set:
            msg = (
                f"got the decider of the process {decider.name} in it: only comity orders its steps"
            )
            raise WiringError(f"{where}, {msg}; order a command that causes an event it hears")
        if decider.name == name:
            msg = (
                f"{name}: orders has a decider of the same name; a process has a stream of its own"
            )
            raise WiringError(f"{msg} under its name: give it another one")
        if decider.name in found:
            raise WiringError(f"{where}, got two that are called {decider.name}")
        found[decider.name] = decider
    return found


def check_retired(
    retired: Iterable[str], events: Sequence[type[Event]], name: str
) -> frozenset[str]:
    """Return the stored names of the events that have no class any more, or raise `WiringError`."""
    where = f"{name}: retired"
    found = frozenset(
        check_stored_name(one, where)
        for one in _listed(retired, f"{where}: expected a list of names")
    )
    if still := sorted(found.intersection(each for kind in events for each in names_of(kind))):
        raise WiringError(
            f"{where}: {still[0]} is the name of one of its event classes; remove one"
        )
    return found


def check_start(start: Start, name: str) -> Start:
    """Return where the process begins, or raise `WiringError`."""
    if start in ("now", "beginning") or (type(start) is int and start >= 0):
        return start
    msg = 'expected "now", "beginning" or the position after which it hears events'
    raise WiringError(f"{name}: start: {msg}, got {start!r:.100}")


def check_most(most: int, what: str) -> int:
    """Return a limit, or raise `WiringError`."""
    if type(most) is not int or most < 1:
        raise WiringError(f"{what}: expected a whole number, 1 or more, got {most!r:.100}")
    return most


def _hint(function: Callable[..., object], place: int, where: str, wanted: str) -> object:
    """Return the annotation of the parameter at a place."""
    try:
        named = function if inspect.isroutine(function) else type(function).__call__
        hints = typing.get_type_hints(named)
        names = list(inspect.signature(function).parameters)
    except (NameError, TypeError, ValueError, AttributeError) as error:
        msg = f"{where}: its annotations cannot be read at run time ({error}); {wanted}, imported"
        raise WiringError(f"{msg} outside of TYPE_CHECKING") from None
    if len(names) <= place or names[place] not in hints:
        raise WiringError(f"{where}: {wanted}")
    return hints[names[place]]


def _listed(several: object, where: str) -> list[object]:
    if isinstance(several, (str, type)) or not isinstance(several, Iterable):
        raise WiringError(f"{where}, got {several!r:.100}")
    return list(cast("Iterable[object]", several))


def _names(kinds: Iterable[object]) -> str:
    return ", ".join(sorted(str(getattr(kind, "__name__", kind)) for kind in kinds))


def _said(error: Exception) -> str:
    return f"{type(error).__name__} ({told(error, 200)})"
