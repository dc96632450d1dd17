"""A domain in another process, with the methods that stories use: they need not know where it is.

Every method waits until the other process has done its part, so the order of sending is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, cast

from tests.sharing.crew import Crew, Worker
from tests.sharing.worker import Opening, Post

from comity.actors import Aggregate, Domain, Pending
from comity.engine import (
    ComityError,
    Command,
    Decider,
    Event,
    MergeReport,
    Outcome,
    Preview,
    Receipt,
    Recorded,
    Refused,
)

AnyDecider = Decider[Any, Any, Any]


class Place(NamedTuple):
    """An aggregate as a sender has it."""

    decider: str
    """The name of a decider in `tests.sharing.known`."""
    key: str
    who: str = ""
    session: str = ""


class Refusal(NamedTuple):
    """A refusal, in a form that goes through a pipe."""

    kind: type[ComityError]
    arguments: tuple[object, ...]
    fields: dict[str, object]
    report: MergeReport | None

    @classmethod
    def of(cls, error: ComityError) -> Refusal:
        """Take it apart."""
        report = error.report if isinstance(error, Refused) else None
        fields = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        return cls(type(error), error.args, fields, report)

    def restored(self) -> ComityError:
        """Put it together again."""
        error = BaseException.__new__(self.kind, *self.arguments)
        vars(error).update(self.fields)
        if isinstance(error, Refused) and self.report is not None:
            error.attach(self.report)
        return error


class Tried(NamedTuple):
    """A preview, in a form that goes through a pipe."""

    outcome: Outcome
    version: int
    events: tuple[Event, ...]
    report: MergeReport


Answer = Receipt[Any] | Preview[Any] | ComityError
Packed = Receipt[Any] | Tried | Refusal

# --- in the other process -------------------------------------------------------------------------

_waiting: dict[int, Pending[Any]] = {}


def _handle(post: Post, place: Place) -> Aggregate[Any, Any, Any]:
    from tests.sharing.known import DECIDERS  # noqa: PLC0415 - only some processes need them

    decider: AnyDecider = DECIDERS[place.decider]
    if not place.session:
        return post.domain.aggregate(decider, place.key)
    return post.domain.session(place.who, id=place.session).aggregate(decider, place.key)


def begin(
    post: Post, place: Place, number: int, commands: Sequence[Command], seen: int | None,
    id_: str | None, *, preview: bool,
) -> list[str] | Refusal:  # fmt: skip
    """Send commands, under numbers from this one on; return their ids."""
    handle = _handle(post, place)
    try:
        if preview:
            sent: Sequence[Pending[Any]] = [handle.preview(commands[0], seen)]
        elif len(commands) > 1:
            sent = handle.send_many(commands, seen).pendings
        else:
            sent = [handle.send(commands[0], seen, id=id_)]
    except ComityError as error:
        return Refusal.of(error)
    _waiting.update(enumerate(sent, number))
    return [pending.id for pending in sent]


def answer(post: Post, number: int, timeout: float | None) -> Packed:
    """Wait for an answer."""
    pending = _waiting[number]
    with suppress(ComityError):
        pending.result(timeout)
    found: Answer = pending.answer()
    if isinstance(found, ComityError):
        return Refusal.of(found)
    if isinstance(found, Receipt):
        return found
    return Tried(found.outcome, found.version, found.events, found.report)


def version(post: Post, place: Place) -> int:
    """How many events the aggregate has."""
    return _handle(post, place).version


def state(post: Post, place: Place) -> object:
    """The aggregate's state."""
    return post.domain.state(_handle(post, place))


def history(post: Post, place: Place) -> list[Recorded[Any]]:
    """The aggregate's events."""
    return list(post.domain.history(_handle(post, place)))


# --- in this one ----------------------------------------------------------------------------------


@dataclass(eq=False)
class FarPending:
    """An answer to come."""

    worker: Worker
    number: int
    id: str
    _reply: Future[Packed] | None = None

    def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - as `Pending.result`
        """Wait for it; raise it, if it is an error."""
        found = unpacked(self.begin(timeout).result(timeout))
        if isinstance(found, ComityError):
            raise found
        return found

    def answer(self) -> Answer:
        """The answer, errors as values."""
        return unpacked(self.begin(None).result())

    def __await__(self) -> Generator[Any, None, Any]:
        found = unpacked((yield from asyncio.wrap_future(self.begin(None)).__await__()))
        if isinstance(found, ComityError):
            raise found
        return found

    def begin(self, timeout: float | None) -> Future[Packed]:
        if self._reply is None:
            self._reply = self.worker.begin(answer, self.number, timeout)
        return self._reply


def unpacked(packed: Packed) -> Answer:
    """An answer as its sender gets it."""
    match packed:
        case Tried(outcome, at, events, report):
            return Preview(outcome, at, events, report)
        case Refusal():
            return packed.restored()
        case _:
            return packed


@dataclass(eq=False)
class FarBatch:
    """The answers to several commands."""

    pendings: Sequence[FarPending]

    def result(self, timeout: float | None = None) -> tuple[Answer, ...]:
        """Wait for all of them."""
        return tuple(unpacked(one.begin(timeout).result(timeout)) for one in self.pendings)


_numbers = count(1)


class FarAggregate:
    """The handle of an aggregate."""

    def __init__(self, domain: FarDomain, place: Place) -> None:
        self._domain = domain
        self.place = place

    @property
    def version(self) -> int:
        """How many events it has."""
        return self._domain.worker(self.place).ask(version, self.place)

    def send(
        self, command: Command, seen: int | None = None, *, id: str | None = None
    ) -> FarPending:
        """Send a command."""
        return self._begin([command], seen, id)[0]

    def preview(self, command: Command, seen: int | None = None) -> FarPending:
        """Try a command out."""
        return self._begin([command], seen, preview=True)[0]

    def send_many(self, commands: Sequence[Command], seen: int | None = None) -> FarBatch:
        """Send several commands at once."""
        return FarBatch(self._begin(commands, seen))

    def _begin(
        self,
        commands: Sequence[Command],
        seen: int | None,
        id_: str | None = None,
        *,
        preview: bool = False,
    ) -> list[FarPending]:
        numbers = [next(_numbers) for _ in commands]
        worker = self._domain.worker(self.place)
        ids = worker.ask(begin, self.place, numbers[0], commands, seen, id_, preview=preview)
        if isinstance(ids, Refusal):
            raise ids.restored()
        sent = [FarPending(worker, *each) for each in zip(numbers, ids, strict=True)]
        self._domain.on_their_way(self.place).extend(sent)
        return sent


@dataclass(frozen=True)
class FarSession:
    """A session; it is the same one in every process."""

    domain: FarDomain
    who: str
    id: str

    def aggregate(self, decider: AnyDecider, key: str) -> FarAggregate:
        """The handle of an aggregate."""
        return FarAggregate(self.domain, Place(decider.name, key, self.who, self.id))


@dataclass
class _Turn:
    """Which process an aggregate's commands go to."""

    worker: int = 0
    sent: list[FarPending] = field(default_factory=list[FarPending])


class FarDomain:
    """A domain that one process has open; or several, to which the commands go by turns.

    Each aggregate goes on in the next process after `turn` commands, when these are answered. So
    its commands are decided in the order in which they are sent, as the stories need it. Those of
    other aggregates are on their way meanwhile, also of the same session.
    """

    def __init__(self, workers: Sequence[Worker], turn: int = 1) -> None:
        self._workers = workers
        self._length = turn
        self._turns: dict[str, _Turn] = {}
        self._sessions = count(1)

    def session(self, who: str, *, id: str | None = None) -> FarSession:
        """A session."""
        return FarSession(self, who, id or f"{who}, session {next(self._sessions)}")

    def aggregate(self, decider: AnyDecider, key: str) -> FarAggregate:
        """The handle of an aggregate, without a session."""
        return FarAggregate(self, Place(decider.name, key))

    def state(self, aggregate: FarAggregate) -> Any:  # noqa: ANN401 - whatever its decider says
        """The aggregate's state."""
        return self.worker(aggregate.place).ask(state, aggregate.place)

    def history(self, aggregate: FarAggregate) -> Iterator[Recorded[Any]]:
        """The aggregate's events."""
        return iter(self.worker(aggregate.place).ask(history, aggregate.place))

    def close(self, timeout: float = 10.0) -> None:
        """Let all processes close."""
        for worker in self._workers:
            worker.close()

    def worker(self, place: Place) -> Worker:
        """The process to which the next command of an aggregate goes."""
        turn = self._turns.setdefault(place.key, _Turn(len(self._turns)))
        if len(self._workers) > 1 and len(turn.sent) >= self._length:
            for pending in turn.sent:
                pending.answer()
            turn.sent.clear()
            turn.worker += 1
        return self._workers[turn.worker % len(self._workers)]

    def on_their_way(self, place: Place) -> list[FarPending]:
        """The commands that were sent to the process whose turn it is."""
        return self._turns[place.key].sent


def as_domain(workers: Sequence[Worker], turn: int = 1) -> Domain:
    """A domain of these processes, for stories that are written for a domain."""
    return cast("Domain", FarDomain(workers, turn))


def far(crew: Crew, openings: Sequence[Opening], turn: int = 1) -> Domain:
    """Start processes, and return the domain that all of them have open."""
    return as_domain(crew.several(openings), turn)
