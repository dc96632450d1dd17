"""Which stored events a program cannot read, told from their kinds alone.

A domain that is opened uses it, and reads no event for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from comity.engine.errors import UnreadableEvent
from comity.engine.messages.message import Event, names_of

if TYPE_CHECKING:
    from comity.engine.journal.event_kind import EventKind
    from comity.engine.merging.decider import AnyDecider

_MOST: Final = 10
"""How many kinds an error names."""


def check_readable(
    deciders: Iterable[AnyDecider], kinds: Mapping[EventKind, int], where: str
) -> None:
    """Check that the deciders have a class for each kind of event of their types.

    Args:
        deciders: the aggregate types. Kinds of other types do not matter.
        kinds: the counts of a journal, see `Journal.kinds`.
        where: the journal; the error's text begins with it.

    Raises:
        UnreadableEvent: some kinds have none. The text names them, and says what to do.
    """
    found = list(unreadable(deciders, kinds))
    if found:
        some = "; ".join(f"{_many(kinds[kind], kind)}: {why}" for kind, why in found[:_MOST])
        more = f"; and {len(found) - _MOST} more kinds" if len(found) > _MOST else ""
        raise UnreadableEvent(
            f"{where}: this program has no class for {some}{more}. Aggregates with such events "
            "cannot be loaded; to open the domain for the others, pass allow_unreadable=True"
        )


def unreadable(
    deciders: Iterable[AnyDecider], kinds: Iterable[EventKind]
) -> Iterator[tuple[EventKind, str]]:
    """Yield each kind of event that no class of its decider reads, with what to do about it.

    A kind that is not among them may still have events that do not fit their class.
    """
    named = {decider.name: decider for decider in deciders}
    for kind in sorted(kinds):
        if kind.type in named and (why := _why(named[kind.type], kind)):
            yield kind, why


def _why(decider: AnyDecider, kind: EventKind) -> str:
    """Say why the decider does not read a kind of event; empty if it does."""
    classes = {name: each for each in decider.events for name in names_of(each)}
    known = classes.get(kind.name)
    if known is None:
        return "" if kind.name in decider.retired else _without_class(kind.name)
    version = known.schema_version
    if kind.schema <= version or 0 < kind.readable <= version:
        return ""
    return _newer(known, kind)


def _without_class(name: str) -> str:
    return (
        f'add the class; if it was renamed, put stored_as = "{name}" on it; if it no longer '
        f'happens, give the decider retired=["{name}"]'
    )


def _newer(known: type[Event], kind: EventKind) -> str:
    since = f"from {kind.readable} on" if kind.readable else "of that version and newer ones"
    return (
        f"a newer program wrote it, for classes {since}, and this program's {known.__name__} has "
        f"version {known.schema_version}; run the newer program"
    )


def _many(count: int, kind: EventKind) -> str:
    events = "1 event" if count == 1 else f"{count:,} events"
    return f"{events} {kind.type}/{kind.name} of schema version {kind.schema}"
