"""Read models: tables for a question, kept up to date from events. A domain's users write them.

A read model depends on event classes alone: who writes one needs nothing of the write side's code.
"""

from __future__ import annotations

import re
import types
import typing
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, Self, TypeAlias, TypeGuard, TypeVar

from comity.engine.errors import ReadModelError, WiringError
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.messages.message import Event
from comity.engine.messages.unions import message_classes
from comity.readmodels.tables.any_table import AnyIndex, AnyTable
from comity.readmodels.tables.binding import Lag
from comity.readmodels.tables.figure import AnyFigure
from comity.readmodels.tables.schema import META, Schema
from comity.readmodels.tables.state import CHECKPOINT, Checkpoint

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.readmodels.tables.binding import Binding

E = TypeVar("E", bound=Event)
OnError: TypeAlias = Literal["stop", "park"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""What a model can be stored as: the name of its folder."""


class AnyReadModel:
    """A read model, whatever its events."""

    stored_as: ClassVar[str] = ""
    """The name of its folder; the class's own name unless given. Not inherited."""
    version: ClassVar[int] = 1
    """Raise it when code outside of the class changes what rows mean: the model is built anew. A
    change of `project` and the methods beside it, of keys and of rows is noticed."""
    on_error: ClassVar[OnError] = "stop"
    """When `project` keeps failing: `stop` there, readable as it is, or `park` the aggregate, whose
    events then wait, in order, to be replayed or dropped, while all others go on."""
    keyed_by_aggregate: ClassVar[bool] = False
    """Whether no two aggregates ever change the same row: then it can be rebuilt in parallel."""
    map_size: ClassVar[int] = MAP_SIZE
    """How large it may grow, in bytes. They cost addresses only, until they are used."""

    schema: ClassVar[Schema]
    events: ClassVar[frozenset[type[Event]]]

    binding: Binding
    """What ties this instance to a state of the tables. comity's own."""

    @classmethod
    def bound(cls, binding: Binding) -> Self:
        """An instance for one state of the tables. comity calls it."""
        model = object.__new__(cls)
        model.binding = binding
        return model

    # --- of an instance that reads ----------------------------------------------------------------

    @property
    def position(self) -> int:
        """The tables are what the journal's events up to this position come to."""
        return Checkpoint.unpack(
            self.binding.reading.get(self.binding.handle(META), CHECKPOINT)
        ).position

    def lag(self) -> Lag:
        """How far this state is behind the journal now.

        Raises:
            ReadModelError: nobody here knows the journal.
        """
        if self.binding.lag is None:
            msg = "the journal is not known here: ask where the domain is open"
            raise ReadModelError(msg)
        return self.binding.lag(self.position)

    def close(self) -> None:
        """Let go of the snapshot. Closing twice is harmless."""
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
    """Tables shaped for a question, and how events change them.

    Say which events it listens to, of one decider or of several, as a union in brackets. In
    `project` the tables can be changed and read; `domain.read(Cards)` gives an instance that reads
    one state of them, for as long as it is held.

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
        cls.schema = Schema(
            cls.stored_as,
            cls.version,
            tables,
            figures,
            [one for one in _found(cls) if isinstance(one, types.FunctionType)],
            [kind.stored_as for kind in events],
        )

    def project(self, event: E, at: Recorded[E]) -> None:
        """Change the tables as the event says. `at` says where it stands, when, and by whom.

        It must come to the same whenever it runs: no clock, no chance, nothing from outside. What
        it raises counts as a failure of this event; nothing that it did for the event is kept.
        """
        raise NotImplementedError


def is_read_model(kind: object) -> TypeGuard[type[AnyReadModel]]:
    """Whether it is a class that says which events it listens to, and so is complete."""
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
        msg = f"{cls.__name__}: say which events it listens to, as in ReadModel[BoardEvent]"
        raise WiringError(msg)
    return found


def _is_generic(kind: object) -> bool:
    """Whether it is `ReadModel`, or a base of models that does not say which events either."""
    return isinstance(kind, type) and issubclass(kind, AnyReadModel) and not is_read_model(kind)


def _name_of(cls: type[AnyReadModel]) -> str:
    name: object = cls.__dict__.get("stored_as") or cls.__name__
    if not isinstance(name, str) or not NAME.fullmatch(name):
        msg = f"{cls.__name__}.stored_as names a folder: letters, digits, _ and -, not {name!r}"
        raise WiringError(msg)
    return name


def _found(cls: type[AnyReadModel]) -> list[object]:
    """What the class and its bases declare."""
    written = [base for base in cls.__mro__ if base.__module__ not in (__name__, "builtins")]
    every = {name: value for base in reversed(written) for name, value in vars(base).items()}
    return list(every.values())


def _check_names(cls: type[AnyReadModel]) -> None:
    for attribute, value in vars(cls).items():
        if isinstance(value, (AnyTable, AnyIndex, AnyFigure)) and attribute in _RESERVED:
            msg = (
                f"{cls.__name__}.{attribute} has a meaning of its own: give the table another name"
            )
            raise WiringError(msg)


def _check(cls: type[AnyReadModel]) -> None:
    name = cls.__name__
    if not any("project" in vars(base) for base in cls.__mro__ if base is not ReadModel):
        msg = f"{name}: write project(self, event, at), which says how events change the tables"
        raise WiringError(msg)
    _check_belonging(cls)
    if "__init__" in vars(cls):
        msg = f"{name}.__init__: a model keeps everything in tables, and comity makes its instances"
        raise WiringError(msg)
    if cls.on_error not in typing.get_args(OnError):
        msg = f"{name}.on_error: expected 'stop' or 'park', got {cls.on_error!r}"
        raise WiringError(msg)
    if type(cls.version) is not int or cls.version < 1:
        msg = f"{name}.version: expected 1, 2, 3 ..., got {cls.version!r}"
        raise WiringError(msg)
    names = [one.stored_as for one in cls.events]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        msg = f"{name}: two of its event classes are stored as {', '.join(twice)}; rename one"
        raise WiringError(msg)


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
                f"{name}.{stray.name}: its table is not one of this model; make it with one that is"
            )
            raise WiringError(msg)
