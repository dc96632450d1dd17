"""Read models: tables for queries, kept up to date from events. Domains derive from `ReadModel`.

A read model depends only on event classes, not on other code of the write side.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, Self, TypeAlias, TypeGuard, TypeVar

from comity.engine.errors import ReadModelError, WiringError
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.messages.message import Event, names_of
from comity.engine.messages.unions import message_classes
from comity.readmodels.tables.any_table import AnyIndex, AnyTable
from comity.readmodels.tables.binding import Lag
from comity.readmodels.tables.figure import AnyFigure
from comity.readmodels.tables.gained import check_unread
from comity.readmodels.tables.schema import META, Schema
from comity.readmodels.tables.state import CHECKPOINT, Checkpoint

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.readmodels.tables.binding import Binding

E = TypeVar("E", bound=Event)
OnError: TypeAlias = Literal["stop", "park"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""Valid names of a model's folder."""


class AnyReadModel:
    """A read model without its type parameter."""

    stored_as: ClassVar[str] = ""
    """The name of its folder; by default the class's name. Not inherited."""
    version: ClassVar[int] = 1
    """Increase it to rebuild the model when code outside of the class changes the rows. Changes in
    `project`, the class's other methods, keys and rows are noticed automatically."""
    on_error: ClassVar[OnError] = "stop"
    """What happens when `project` keeps failing. `stop`: the model stops at this event and stays
    readable. `park`: this aggregate's events are set aside in order, to be replayed or dropped, and
    all other events are applied."""
    keyed_by_aggregate: ClassVar[bool] = False
    """True if two aggregates never change the same row: then it can be rebuilt in parallel."""
    map_size: ClassVar[int] = MAP_SIZE
    """The most bytes that the tables may have. Unused bytes take address space, not disk."""

    schema: ClassVar[Schema]
    events: ClassVar[frozenset[type[Event]]]

    binding: Binding
    """The state of the tables that this instance reads. Internal."""

    @classmethod
    def bound(cls, binding: Binding) -> Self:
        """An instance for one state of the tables. Internal."""
        model = object.__new__(cls)
        model.binding = binding
        return model

    # --- of an instance that reads ----------------------------------------------------------------

    @property
    def position(self) -> int:
        """The journal position up to which the tables include all events."""
        return Checkpoint.unpack(
            self.binding.reading.get(self.binding.handle(META), CHECKPOINT)
        ).position

    def lag(self) -> Lag:
        """How far this state is behind the journal now.

        Raises:
            ReadModelError: this process has no access to the journal.
        """
        if self.binding.lag is None:
            msg = "the journal is not known here: ask the process that has the domain open"
            raise ReadModelError(msg)
        return self.binding.lag(self.position)

    def close(self) -> None:
        """End the snapshot. Closing twice is harmless."""
        self.binding.reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()


class ReadModel(AnyReadModel, Generic[E]):
    """Tables for queries, and how events change them.

    Put the union of the events that it projects in brackets; they may come from several deciders.
    `project` can change and read the tables. `domain.read(Cards)` gives an instance that reads one
    snapshot of them.

    Example:
        class Cards(ReadModel[BoardEvent]):
            rows = Table(CardRow, key=lambda row: (row.board, row.card))
            by_assignee = rows.index(lambda row: row.assignee)

            def project(self, event: BoardEvent, at: Recorded) -> None:
                board = at.aggregate.key
                match event:
                    case CardAdded(card=card, title=title):
                        self.rows.put(CardRow(board=board, card=card, title=title))
                    case CardRenamed(card=card, title=title):
                        self.rows.update((board, card), title=title)
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        events = _events_of(cls)
        if events is None:  # generic still, or a base of other models
            return
        _check_names(cls)
        cls.events = events
        cls.stored_as = _name_of(cls)
        tables = [one for one in _found(cls) if isinstance(one, AnyTable)]
        figures = [one for one in _found(cls) if isinstance(one, AnyFigure)]
        if not (tables or figures):
            msg = f"{cls.__name__} has no table: add one, such as rows = Table(CardRow, key=...)"
            raise WiringError(msg)
        _check(cls)
        for table in tables:
            check_unread(cls.__name__, table)
        cls.schema = Schema(
            cls.stored_as,
            cls.version,
            tables,
            figures,
            [one for one in _found(cls) if isinstance(one, types.FunctionType)],
            [name for kind in events for name in names_of(kind)],
        )

    def project(self, event: E, at: Recorded[E]) -> None:
        """Change the tables for one event. `at` has the event's position, time and sender.

        It must be deterministic: no clock, no randomness, no input from outside. If it raises, none
        of its changes for this event are kept, and the event counts as failed.
        """
        raise NotImplementedError


def is_read_model(kind: object) -> TypeGuard[type[AnyReadModel]]:
    """Whether it is a complete read model class, which declares its events."""
    return isinstance(kind, type) and issubclass(kind, AnyReadModel) and hasattr(kind, "schema")


_RESERVED = frozenset(
    name
    for base in (AnyReadModel, ReadModel)
    for name in (*vars(base), *base.__annotations__)
    if not name.startswith("__")
)


def _events_of(cls: type[AnyReadModel]) -> frozenset[type[Event]] | None:
    for base in getattr(cls, "__orig_bases__", ()):
        origin: object = typing.get_origin(base)
        if _is_generic(origin):
            (asked,) = typing.get_args(base)
            if isinstance(asked, TypeVar):
                return None
            return frozenset(message_classes(asked, Event, f"{cls.__name__}: ReadModel[...]"))
    found: frozenset[type[Event]] | None = getattr(cls, "events", None)
    if found is None:
        msg = f"{cls.__name__}: declare the events that it projects, as in ReadModel[BoardEvent]"
        raise WiringError(msg)
    return found


def _is_generic(kind: object) -> bool:
    """Whether it is `ReadModel`, or a base class that declares no events either."""
    return isinstance(kind, type) and issubclass(kind, AnyReadModel) and not is_read_model(kind)


def _name_of(cls: type[AnyReadModel]) -> str:
    name: object = cls.__dict__.get("stored_as") or cls.__name__
    if not isinstance(name, str) or not NAME.fullmatch(name):
        msg = f"{cls.__name__}.stored_as: expected a folder's name such as Cards_2, got {name!r}"
        raise WiringError(msg)
    return name


def _found(cls: type[AnyReadModel]) -> list[object]:
    """The declarations of the class and its bases."""
    written = [base for base in cls.__mro__ if base.__module__ not in (__name__, "builtins")]
    every = {name: value for base in reversed(written) for name, value in vars(base).items()}
    return list(every.values())


def _check_names(cls: type[AnyReadModel]) -> None:
    for attribute, value in vars(cls).items():
        if isinstance(value, (AnyTable, AnyIndex, AnyFigure)) and attribute in _RESERVED:
            msg = f"{cls.__name__}.{attribute} is reserved: give the table another name"
            raise WiringError(msg)


def _check(cls: type[ReadModel[E]]) -> None:
    name = cls.__name__
    if not any("project" in vars(base) for base in cls.__mro__ if base is not ReadModel):
        msg = f"{name}: write project(self, event, at), which changes the tables for an event"
        raise WiringError(msg)
    if not _takes_event(cls.project):
        msg = f"{name}.project: expected (self, event, at), not async and not a generator"
        raise WiringError(msg)
    _check_belonging(cls)
    if "__init__" in vars(cls):
        msg = f"{name}.__init__: remove it; comity makes the instances, and all data are in tables"
        raise WiringError(msg)
    if cls.on_error not in typing.get_args(OnError):
        msg = f"{name}.on_error: expected 'stop' or 'park', got {cls.on_error!r}"
        raise WiringError(msg)
    if type(cls.version) is not int or cls.version < 1:
        msg = f"{name}.version: expected 1, 2, 3 ..., got {cls.version!r}"
        raise WiringError(msg)
    names = [name for one in cls.events for name in names_of(one)]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        msg = f"{name}: two event classes have the stored name {', '.join(twice)}; rename one"
        raise WiringError(msg)


def _takes_event(project: object) -> bool:
    """Whether it can be called with a model, an event and its `at`, and works when it is called."""
    if not callable(project) or inspect.iscoroutinefunction(project):
        return False
    if inspect.isgeneratorfunction(project) or inspect.isasyncgenfunction(project):
        return False
    try:
        inspect.signature(project).bind("model", "event", "at")
    except (TypeError, ValueError):
        return False
    return True


def _check_belonging(cls: type[AnyReadModel]) -> None:
    name = cls.__name__
    tables = [one for one in _found(cls) if isinstance(one, AnyTable)]
    names = [index.name for table in tables for index in table.indexes]
    names += [figure.name for table in tables for figure in table.figures]
    if not all(names):
        msg = f"{name}: give each index and figure a name, as in by_title = rows.index(...)"
        raise WiringError(msg)
    strays = {one for one in _found(cls) if isinstance(one, (AnyIndex, AnyFigure))}
    for table in tables:
        strays -= {*table.indexes, *table.figures}
    for stray in strays:
        if isinstance(stray, AnyIndex) or stray.of_rows:
            msg = (
                f"{name}.{stray.name}: its table belongs to another model; use a table of this one"
            )
            raise WiringError(msg)
