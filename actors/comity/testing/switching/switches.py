"""`down`, `failing` and `slow`: context managers that switch a journal or a read model.

Each takes a domain of the `domain` fixture, or a `SwitchedJournal`, and switches its journal; with
a read model as the second argument, it switches that model.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

from comity.actors.domain import Domain
from comity.engine.arguments import check_seconds, check_whole
from comity.engine.errors import StorageFailed, WiringError
from comity.engine.runtime.system import pause
from comity.testing.switching.switched_journal import SwitchedJournal
from comity.testing.switching.switched_model import projecting

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel

Part: TypeAlias = "Domain | SwitchedJournal"

JOURNALS: Final = WeakKeyDictionary[Domain, SwitchedJournal]()
"""The journals of the domains that the fixture has opened."""


@contextmanager
def down(part: Part, model: type[AnyReadModel] | None = None) -> Generator[None]:
    """Switch the journal or a model off until the block ends.

    A journal that is down stores nothing: senders get `StorageFailed`, and reading goes on. After
    the block the domain recovers by itself. A model that is down takes no events: it can be read,
    and gets behind.

    Args:
        part: the domain, or its `SwitchedJournal`.
        model: the read model to switch instead of the journal.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, or has no such model.

    Example:
        with down(domain), pytest.raises(StorageFailed):
            sprint.do(RenameCard(card="c1", title="Pay"))
    """
    if model is not None:
        projector = _domain(part, model).model(model)
        projector.pause()
        try:
            yield
        finally:
            projector.resume()
        return
    journal = _journal(part)
    journal.error = StorageFailed("the journal was switched off")
    try:
        yield
    finally:
        journal.error = None


@contextmanager
def failing(
    part: Part,
    model: type[AnyReadModel] | None = None,
    *,
    error: Exception | None = None,
    times: int = 1,
    stored: bool = True,
) -> Generator[None]:
    """Let the next writes of the journal get no answer, or every `project` of a model raise.

    A write without an answer may be stored or not, so its senders get `OutcomeUnknown`, and find
    out with a retry. A model fails until the block ends; then it goes on, also with the events
    that it parked meanwhile.

    Args:
        part: the domain, or its `SwitchedJournal`.
        model: the read model to switch instead of the journal.
        error: what `project` raises. For a journal: what writing raises, until the block ends.
        times: how many writes of the journal get no answer.
        stored: whether these writes are stored.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, or has no such model.
    """
    if model is not None:
        domain = _domain(part, model)
        fault = error or RuntimeError(f"{model.__name__} was switched to fail")
        with projecting(domain, model, lambda: _raise(fault)):
            yield
        projector = domain.model(model)
        projector.resume()
        projector.replay()
        return
    journal = _journal(part)
    journal.error, journal.stored = error, stored
    journal.silent = 0 if error else check_whole(times, "times", 1)
    try:
        yield
    finally:
        journal.error, journal.silent, journal.stored = None, 0, True


@contextmanager
def slow(
    part: Part, model: type[AnyReadModel] | None = None, *, seconds: float = 0.05
) -> Generator[None]:
    """Let each write of the journal, or each `project` of a model, take longer.

    Args:
        part: the domain, or its `SwitchedJournal`.
        model: the read model to switch instead of the journal.
        seconds: how much longer.

    Raises:
        WiringError: the domain was opened in another way than by the fixture, or has no such model.
    """
    check_seconds(seconds, "seconds")
    if model is not None:
        with projecting(_domain(part, model), model, lambda: pause(seconds)):
            yield
        return
    journal = _journal(part)
    journal.seconds = seconds
    try:
        yield
    finally:
        journal.seconds = 0.0


def _raise(error: Exception) -> None:
    raise error


def _journal(part: Part) -> SwitchedJournal:
    journal = part if isinstance(part, SwitchedJournal) else JOURNALS.get(part)
    if journal is None:
        msg = (
            f"the journal of {part!r} cannot be switched: open the domain with the `domain` "
            "fixture, or wrap its journal: Domain(SwitchedJournal(journal), ...)"
        )
        raise WiringError(msg)
    return journal


def _domain(part: Part, model: type[AnyReadModel]) -> Domain:
    if isinstance(part, Domain):
        return part
    msg = f"to switch {model.__name__}, pass the domain that keeps it up to date, got {part!r}"
    raise WiringError(msg)
