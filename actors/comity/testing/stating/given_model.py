"""A test of a read model: the events so far, and the rows that they must give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import WiringError
from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event
from comity.readmodels.projecting.projection import CannotProject
from comity.readmodels.tables.any_table import AnyTable
from comity.readmodels.tables.read_model import AnyReadModel
from comity.testing.stating.said import Said, aggregate_of, check_events, in_time
from comity.testing.stating.told import unlike
from comity.testing.stating.tried_model import TriedModel, blamed

if TYPE_CHECKING:
    from comity.readmodels.tables.row import Row

M = TypeVar("M", bound=AnyReadModel)

TYPE: Final = "test"
"""The aggregate type of the events of a test."""


class GivenModel(Generic[M]):
    """A read model with some events. `given(Cards, ...)` makes it."""

    def __init__(self, model: type[M], events: Sequence[Event | Said[Event]]) -> None:
        name = model.__name__
        check_events(events, model.events, name, f"given({name}, ...)")
        self._model = model
        self._events = recorded(in_time(events))

    def rows(self, *expected: Row, table: AnyTable | None = None) -> GivenModel[M]:
        """Check all rows of one table, in the order of its keys.

        Args:
            expected: the rows, exactly.
            table: the table, such as `Cards.rows`; by default the only table with rows of this
                class, or the only table of the model.

        Raises:
            AssertionError: other rows came; the text tells the difference.
            WiringError: several tables have such rows, or none.

        Example:
            given(Cards, by("ann", ADDED, key="b1")).rows(CardRow(board="b1", card="c1"))
        """
        __tracebackhide__ = True
        chosen = self._table(expected, table)
        with self._projected() as tried:
            came = tried.rows(chosen)
        lines = unlike(expected, came, lambda number: f"row {number}")
        if lines:
            said = "\n".join(f"  {line}" for line in lines)
            noun = "event" if len(self._events) == 1 else "events"
            about = f"{self._model.__name__}.{chosen.name} after {len(self._events)} {noun}"
            raise AssertionError(f"{about}\n{said}")
        return self

    @contextmanager
    def reading(self) -> Generator[M]:
        """Read the model, for questions that `rows` cannot ask: indexes, figures.

        Example:
            with given(Cards, ADDED).reading() as cards:
                assert cards.in_column["todo"] == 1
        """
        with self._projected() as tried, tried.reading() as model:
            yield model

    @contextmanager
    def _projected(self) -> Generator[TriedModel[M]]:
        with TriedModel(self._model) as tried:
            if self._events:
                try:
                    tried.take(self._events)
                except CannotProject as failure:
                    msg = f"{self._model.__name__}.project failed on {blamed(failure)}"
                    raise AssertionError(msg) from failure.reason
            yield tried

    def _table(self, expected: Sequence[Row], table: AnyTable | None) -> AnyTable:
        tables, name = self._model.schema.tables, self._model.__name__
        if table is not None:
            if all(table is not one for one in tables):
                msg = f"rows: {table.name or table!r} is not a table of {name}"
                raise WiringError(msg)
            return table
        kinds = {type(row) for row in expected}
        found = [one for one in tables if not kinds or kinds == {one.row}]
        if len(found) != 1:
            known = ", ".join(f"{one.name} ({one.row.__name__})" for one in tables)
            msg = (
                f"rows: expected rows of one table of {name}, or table={name}."
                f"{tables[0].name if tables else 'rows'}; its tables are {known or 'none'}"
            )
            raise WiringError(msg)
        return found[0]


def recorded(said: Sequence[Said[Event]]) -> list[Recorded[Event]]:
    """Return the events as a read model gets them, with positions and versions from 1 on."""
    versions = Counter[AggregateId]()
    found: list[Recorded[Event]] = []
    for position, one in enumerate(said, 1):
        aggregate = aggregate_of(TYPE, one)
        versions[aggregate] += 1
        found.append(
            Recorded(
                event=one.event, aggregate=aggregate, version=versions[aggregate],
                position=position, microseconds=one.microseconds or 0, who=one.who,
                session=one.session, command="", command_id=f"test-{position}", metadata={},
                report=None,
            )
        )  # fmt: skip
    return found
