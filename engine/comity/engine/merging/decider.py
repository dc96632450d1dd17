"""Deciders: each defines an aggregate type by a name, an initial state, `decide` and `evolve`."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType
from typing import Generic, TypeAlias, TypeVar, cast

from comity.engine.aggregate_id import check_text, check_type_name
from comity.engine.errors import Invalid, WiringError
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.at import At
from comity.engine.merging.command import Command, rule_of
from comity.engine.merging.command_types import CommandTypes
from comity.engine.merging.domain_functions import (
    FIRST,
    Decide,
    Evolve,
    deciding_with,
    evolving_with,
    passing_over,
)
from comity.engine.merging.key_order import check_one_order
from comity.engine.merging.rule import Rule
from comity.engine.merging.sent import Sent
from comity.engine.merging.told import is_told
from comity.engine.messages import codec
from comity.engine.messages.event_types import EventTypes
from comity.engine.messages.message import Event, Message, names_of
from comity.engine.messages.message_names import check_stored_name
from comity.engine.messages.state_codec import StateCodec
from comity.engine.messages.unions import message_classes
from comity.engine.text import told

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=Message)


class AggregateType:
    """The base of every `Decider[S, C, E]`: the element type for lists of deciders."""

    name: str


class Decider(AggregateType, Generic[S, C, E]):
    """The definition of an aggregate type.

    Args:
        name: the type's name, a-z, 0-9, _ and -; the journal stores it for ever.
        initial: makes the state of an aggregate that has no events, usually the state's class.
            A state gets snapshots if it survives JSON unchanged: dataclasses and pydantic models
            of texts, numbers, lists, and dicts with keys of text do.
        decide: `(state, command) -> events`. It changes nothing, and raises `Rejected` to refuse.
            Its annotation names the command classes. With a third parameter, `sent: Sent`, it
            gets the sender, the time, and the version that the sender had seen.
        evolve: `(state, event) -> state`. It may change the state in place and return it. Its
            annotation names the event classes. With a third parameter, `at: At`, it gets the
            event's version, time and author.
        rules_revision: a short text, such as "2027-03", to be changed with the rules. The journal
            keeps it with each command that they decide, and reports show it.
        revision: increase it when a change of code that `evolve` or an upcast calls changes the
            state, so that snapshots are rebuilt. A change of these themselves is noticed.
        retired: the stored names of events that no longer happen and have no class any more. They
            keep their versions and change nothing: see `RetiredEvent`.

    Raises:
        WiringError: the annotations do not name the command and event classes, `decide` or
            `evolve` has a third parameter of another type or more than three, or two messages
            have the same keys in a different order.

    Example:
        def decide(board: Board, command: Upvote, sent: Sent) -> Iterator[Upvoted]:
            if sent.who not in board.voters:
                yield Upvoted(voter=sent.who)

        def evolve(board: Board, event: Upvoted) -> Board:
            board.voters.add(event.voter)
            return board

        board = Decider("board", Board, decide, evolve)
    """

    def __init__(
        self,
        name: str,
        initial: Callable[[], S],
        decide: Callable[[S, C], Iterable[E]] | Callable[[S, C, Sent], Iterable[E]],
        evolve: Callable[[S, E], S] | Callable[[S, E, At], S],
        *,
        revision: int = 1,
        rules_revision: str = "",
        retired: Iterable[str] = (),
    ) -> None:
        try:
            self.name = check_type_name(name)
        except Invalid as error:
            raise WiringError(str(error)) from None
        self.rules_revision = _revision(rules_revision, name)
        """The revision of its rules; empty if it names none."""
        self.initial = initial
        # The annotations name C and E: type checkers see them, and _messages reads them.
        self.commands = cast("tuple[type[C], ...]", _messages(decide, Command, f"{name}: decide"))
        """The command classes, in the order of the union."""
        self.events = cast("tuple[type[E], ...]", _messages(evolve, Event, f"{name}: evolve"))
        """The event classes, in the order of the union."""
        self.command_set = frozenset(self.commands)
        self.event_set = frozenset(self.events)
        self.commuting = any(kind.commutes for kind in self.events)
        """Whether any events commute; if not, merging need not compare them."""
        self.rules: Mapping[type[Command], Rule] = {kind: rule_of(kind) for kind in self.commands}
        """The conflict rule of each command class."""
        self.whole = False
        """Whether every unseen event clashes with every command: see `whole_aggregate`."""
        self.identity = object()
        """The same object for this decider and for those that `with_rules` makes of it."""
        kind = type(_initial(initial, name))
        deciding = is_told(decide, Sent, "state, command", f"{name}: decide")
        self.takes_at = is_told(evolve, At, "state, event", f"{name}: evolve")
        """Whether `evolve` takes `at`. If not, a replay need not read the notes."""
        self.takes_sent = deciding
        """Whether `decide` takes `sent`."""
        self.decide: Decide[S, C, E] = deciding_with(decide, told=deciding)
        """The domain's `decide`. The default of `sent` has no sender and time 0."""
        self.retired = _retired(retired, name)
        """The stored names of the events that are loaded as `RetiredEvent`."""
        self.evolve: Evolve[S, E] = evolving_with(
            evolve, told=self.takes_at, nothing=kind is NoneType
        )
        """The domain's `evolve`. The default of `at` is version 1, with no author and time 0."""
        if self.retired:
            self.evolve = passing_over(self.evolve)
        self.replay: Evolve[S, E] = self.evolve
        """The same for events that are stored already: never checked, if the decider is."""
        self._types = EventTypes(name, self.events, self.retired)
        self.load = self._types.load
        """Makes an event from a stored one: see `EventTypes.load`."""
        self.kinds = {
            kind: EventKind(name, kind.stored_as, kind.schema_version, kind.readable_from or 0)
            for kind in self.events
        }
        """The kind under which the journal counts the events of each class."""
        self.one_event = {kind: {counted: 1} for kind, counted in self.kinds.items()}
        """The counts of one event of each class. Nobody may change them."""
        self._storers = {kind: _storer(kind) for kind in self.events}
        self._command_types: CommandTypes[C] = CommandTypes(name, self.commands)
        _check_once(self.events, name, self.retired)
        _check_once(self.commands, name)
        check_one_order((*self.commands, *self.events), name)
        self.states: StateCodec[S] = StateCodec(
            kind, evolve, revision, takes_at=self.takes_at, reading=self._types.code
        )

    def __repr__(self) -> str:
        return f"Decider({self.name!r})"

    def fold(self, state: S, events: Iterable[E], first: At = FIRST) -> S:
        """Return the state after these events. The given state may be changed in place.

        Args:
            state: the state before the events.
            events: the events, oldest first.
            first: the `At` of the first event; the next events get the next versions.
        """
        for version, event in enumerate(events, first.version):
            state = self.evolve(state, event, first._replace(version=version))
        return state

    def stored(self, events: Iterable[E]) -> list[tuple[object, ...]]:
        """Return the fields of a `StoredEvent` for each event, to be packed at once.

        Raises:
            Invalid: an event has a value that messages cannot have.
        """
        storers = self._storers
        return [storers[type(event)](event) for event in events]

    def read_command(self, name: str, schema_version: int, fields: Mapping[str, object]) -> C:
        """Make a command from what a client or queue sends, also one of years ago.

        Args:
            name: the command's stored name, or an alias.
            schema_version: the schema version that the client knows.
            fields: the fields as JSON gives them: texts for datetimes, lists for tuples.

        Raises:
            Invalid: there is no such command, it is newer than its class, or a field is wrong.

        Example:
            board.read_command("AddCard", 1, json.loads(body))
        """
        return self._command_types.read(name, schema_version, fields)

    def load_command(self, name: str, schema_version: int, data: object) -> C:
        """Make a command from its stored form, upcast to the newest schema version.

        Args:
            name: the command's stored name, or an alias.
            schema_version: the schema version of the fields.
            data: the fields as `codec.pack` stores them, or as a map of these.

        Raises:
            Invalid: there is no such command, it is newer than its class, or a field does not fit.
        """
        return self._command_types.load(name, schema_version, data)


AnyDecider: TypeAlias = Decider[object, Command, Event]
"""A decider whose types of state, command and event are not known."""


def store(event: Event) -> StoredEvent:
    """Pack an event for the journal.

    Raises:
        Invalid: the event is too large, or has a value that messages cannot have.
    """
    fields = codec.unpack_fields(codec.pack(event))
    name, schema, stamp = event.stored_as, event.schema_version, event.__stamp__
    return StoredEvent(name, schema, fields, stamp, event.readable_from or 0)


def _storer(kind: type[Event]) -> Callable[[Event], tuple[object, ...]]:
    """Make the function that returns the fields of a `StoredEvent` for an event of this class."""
    name, schema, stamp, fields = (
        kind.stored_as, kind.schema_version, kind.__stamp__, codec.storer(kind)
    )  # fmt: skip
    oldest = kind.readable_from
    if oldest is not None:
        return lambda event: (name, schema, fields(event), stamp, oldest)
    return lambda event: (name, schema, fields(event), stamp)


def _revision(revision: str, name: str) -> str:
    try:
        return "" if revision == "" else check_text(revision, f"{name}: rules_revision")
    except Invalid as error:
        raise WiringError(str(error)) from None


def _initial(initial: Callable[[], S], name: str) -> S:
    try:
        return initial()
    except Exception as error:
        msg = (
            f"{name}: initial() raised {type(error).__name__} ({told(error)}); it makes the state "
            "of an aggregate that has no events, so pass the state's class, or a function without "
            "parameters"
        )
        raise WiringError(msg) from None


def _retired(names: Iterable[str], decider: str) -> frozenset[str]:
    where = f"{decider}: retired"
    if isinstance(names, str) or not isinstance(cast("object", names), Iterable):
        msg = f"{where}: expected a list such as ['CardStarred'], got {names!r:.100}"
        raise WiringError(msg)
    return frozenset([check_stored_name(name, where) for name in names])


def _check_once(kinds: Sequence[type[Message]], decider: str, retired: Iterable[str] = ()) -> None:
    """Refuse two classes that read messages of one stored name."""
    names = [name for kind in kinds for name in names_of(kind)]
    if still := sorted(set(names).intersection(retired)):
        msg = f"{decider}: {still[0]} is retired, and an event class has that name; remove one"
        raise WiringError(msg)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = (
            f"{decider}: two of its message classes are called {', '.join(twice)}; give one a "
            "stored_as, or remove the alias"
        )
        raise WiringError(msg)


def _messages(
    function: Callable[..., object], base: type[Message], where: str
) -> tuple[type[Message], ...]:
    """Return the message classes in the annotation of the function's second parameter."""
    wanted = f"annotate its second parameter with the union of your {base.__name__} classes"
    try:
        hints = typing.get_type_hints(function)
        names = list(inspect.signature(function).parameters)
    except (NameError, TypeError, ValueError) as error:
        msg = (
            f"{where}: its annotations cannot be read at run time ({error}); {wanted}, imported "
            "outside of TYPE_CHECKING"
        )
        raise WiringError(msg) from None
    if len(names) < 2 or names[1] not in hints:  # noqa: PLR2004 - (state, message)
        msg = f"{where}: {wanted}"
        raise WiringError(msg)
    return message_classes(hints[names[1]], base, f"{where}: {wanted}")
