"""The domain's `decide` and `evolve`, wrapped so that both may be called in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Final, Protocol, TypeVar

from comity.engine.merging.at import At
from comity.engine.merging.command import Command
from comity.engine.merging.sent import Sent
from comity.engine.messages.message import Event
from comity.engine.messages.retired_event import RetiredEvent

S = TypeVar("S")
E = TypeVar("E", bound=Event)
R = TypeVar("R")
S_contra = TypeVar("S_contra", contravariant=True)
C_contra = TypeVar("C_contra", bound=Command, contravariant=True)
E_co = TypeVar("E_co", bound=Event, covariant=True)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)

NOBODY: Final = Sent()
FIRST: Final = At()


class Decide(Protocol[S_contra, C_contra, E_co]):
    """A `decide` that always takes `sent`, even if the domain's function does not."""

    def __call__(self, state: S_contra, command: C_contra, sent: Sent = ..., /) -> Iterable[E_co]:
        """Return the events of the command on this state."""
        ...


class Evolve(Protocol[S, E_contra]):
    """An `evolve` that always takes `at`, even if the domain's function does not."""

    def __call__(self, state: S, event: E_contra, at: At = ..., /) -> S:
        """Return the state after the event."""
        ...


def deciding_with(decide: Callable[..., R], *, told: bool) -> Callable[..., R]:
    """Wrap `decide` to take an optional `sent`, passed on only if `told`."""

    @wraps(decide)
    def plain(state: object, command: object, sent: Sent = NOBODY, /) -> R:
        return decide(state, command)

    @wraps(decide)
    def telling(state: object, command: object, sent: Sent = NOBODY, /) -> R:
        return decide(state, command, sent)

    return telling if told else plain


def evolving_with(evolve: Callable[..., R], *, told: bool, nothing: bool) -> Callable[..., R]:
    """Wrap `evolve` to take an optional `at`, passed on only if `told`.

    Raises TypeError if `evolve` returns None, unless the state type is None (`nothing`).
    """

    @wraps(evolve)
    def call(state: object, event: object, at: At = FIRST, /) -> R:
        after = evolve(state, event, at) if told else evolve(state, event)
        if after is None and not nothing:
            raise TypeError("evolve returned None instead of the state: end it with `return`")
        return after

    return call


def passing_over(evolve: Evolve[S, E]) -> Evolve[S, E]:
    """Wrap `evolve` to leave the state as it is for retired events."""

    @wraps(evolve)
    def call(state: S, event: E, at: At = FIRST, /) -> S:
        return state if isinstance(event, RetiredEvent) else evolve(state, event, at)

    return call
