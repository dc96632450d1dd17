"""`down`, `failing`, `slow` and `hanging`: context managers that switch a part of a domain.

Each takes a domain of the `domain` fixture, or a `SwitchedJournal`, and switches its journal; with
a second argument, it switches that read model, outlet or process of the domain.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias, overload
from weakref import WeakKeyDictionary

from comity.actors.domain import Domain, runtime_of
from comity.engine.arguments import check_whole
from comity.engine.errors import StorageFailed, WiringError
from comity.testing.switching.fault import Hangs, Raises, Waits
from comity.testing.switching.part import Part, part_of
from comity.testing.switching.switched_journal import SwitchedJournal

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.testing.switching.part import Switchable

Switched: TypeAlias = "Domain | SwitchedJournal"

JOURNALS: Final = WeakKeyDictionary[Domain, SwitchedJournal]()
"""The journals of the domains that the fixture has opened."""


@contextmanager
def down(domain: Switched, what: Switchable | None = None) -> Generator[None]:
    """Switch the journal or another part off until the block ends.

    A journal that is down stores nothing: senders get `StorageFailed`, and reading goes on. After
    the block the domain recovers by itself. A model that is down takes no events: it can be read,
    and gets behind. An outlet delivers nothing, and a process orders nothing and rings no timer;
    what they miss waits in the journal.

    Args:
        domain: the domain, or its `SwitchedJournal`.
        what: the class of a read model, an outlet or its class, or a process, to switch it instead
            of the journal.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, or has no such part.

    Example:
        with down(domain), pytest.raises(StorageFailed):
            sprint.do(RenameCard(card="c1", title="Pay"))
        with down(domain, Mails):
            sprint.do(RenameCard(card="c1", title="Pay"))
    """
    if what is not None:
        part = _part(domain, what)
        part.pause()
        try:
            yield
        finally:
            part.resume()
        return
    journal = _journal(domain)
    journal.error = StorageFailed("the journal was switched off")
    try:
        yield
    finally:
        journal.error = None


@overload
def failing(
    domain: Switched, *, error: Exception | None = None, times: int = 1, stored: bool = True
) -> AbstractContextManager[None]: ...


@overload
def failing(
    domain: Switched, what: Switchable, *, error: Exception | None = None
) -> AbstractContextManager[None]: ...


@contextmanager
def failing(
    domain: Switched,
    what: Switchable | None = None,
    *,
    error: Exception | None = None,
    times: int = 1,
    stored: bool = True,
) -> Generator[None]:
    """Let the next writes of the journal get no answer, or let another part raise each time.

    A write without an answer may be stored or not, so its senders get `OutcomeUnknown`, and find
    out with a retry. The `project` of a model, the `deliver` of an outlet or the `react` of a
    process raises until the block ends; then it goes on, also with what it has parked meanwhile.

    Args:
        domain: the domain, or its `SwitchedJournal`.
        what: what to switch instead of the journal; see `down`.
        error: what is raised. For a journal: what writing raises, until the block ends.
        times: how many writes of the journal get no answer.
        stored: whether these writes are stored.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, or has no such part.
    """
    if what is not None:
        part = _part(domain, what)
        with part.faulty(Raises(error or RuntimeError(f"{part.name} was switched to fail"))):
            yield
        part.recover()
        return
    journal = _journal(domain)
    journal.error, journal.stored = error, stored
    journal.silent = 0 if error else check_whole(times, "times", 1)
    try:
        yield
    finally:
        journal.error, journal.silent, journal.stored = None, 0, True


@contextmanager
def slow(
    domain: Switched, what: Switchable | None = None, *, seconds: float = 0.05
) -> Generator[None]:
    """Let each write of the journal, or each call of another part's function, take longer.

    Args:
        domain: the domain, or its `SwitchedJournal`.
        what: what to switch instead of the journal; see `down`.
        seconds: how much longer each write, `project`, `deliver` or `react` takes.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, or has no such part.
        Invalid: `seconds` is no number, or below 0.
    """
    part = _journal(domain) if what is None else _part(domain, what)
    with part.faulty(Waits(seconds, _runtime(domain))):
        yield


@contextmanager
def hanging(domain: Switched, what: Switchable | None = None) -> Generator[None]:
    """Let each write of the journal, or each call of another part's function, wait for the end.

    What hangs goes on when the block ends. A `deliver` that takes longer than the outlet's
    `timeout` has failed then, and is tried again.

    Args:
        domain: the domain, or its `SwitchedJournal`.
        what: what to switch instead of the journal; see `down`.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, has no such part, or
            runs on one thread.
    """
    part = None if what is None else _part(domain, what)
    fault = Hangs(_runtime(domain))
    try:
        with (part or _journal(domain)).faulty(fault):
            yield
    finally:
        fault.end()
    if part is not None:
        part.recover()


def _journal(domain: Switched) -> SwitchedJournal:
    journal = domain if isinstance(domain, SwitchedJournal) else JOURNALS.get(domain)
    if journal is None:
        msg = (
            f"the journal of {domain!r} cannot be switched: open the domain with the `domain` "
            "fixture, or wrap its journal: Domain(SwitchedJournal(journal), ...)"
        )
        raise WiringError(msg)
    return journal


def _part(domain: Switched, what: Switchable) -> Part:
    if isinstance(domain, Domain):
        return part_of(domain, what)
    name = getattr(what, "__name__", repr(what))
    msg = f"to switch {name}, pass the domain that it is part of, got {domain!r}"
    raise WiringError(msg)


def _runtime(domain: Switched) -> Runtime:
    return domain.runtime if isinstance(domain, SwitchedJournal) else runtime_of(domain)
