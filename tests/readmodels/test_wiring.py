"""A model that is put together wrongly cannot be made, and the error says what to write."""

# Classes are made here to fail.
# pyright: reportUnusedClass=false

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Any, TypeVar, cast, get_args

import pytest
from tests.readmodels.cards import CardAdded, CardEvent, CardRow, Cards

from comity.engine import Event, Key, Recorded, StoredAs, WiringError
from comity.engine.messages.value import Value
from comity.readmodels import ReadModel, Row, Table, Totals
from comity.readmodels.tables.read_model import is_read_model

E = TypeVar("E", bound=Event)


class Projects(ReadModel[E]):
    """What models here have in common."""

    def project(self, event: E, at: Recorded[E]) -> None:
        """Nothing comes of it."""


def table() -> Table[CardRow, str]:
    return Table(CardRow, key=lambda row: row.card)


def test_a_column_has_no_stored_name() -> None:
    with pytest.raises(WiringError, match=r"Renamed\.title: remove StoredAs; columns"):

        class Renamed(Row):
            title: Annotated[str, StoredAs("name")]


def test_a_model_needs_a_table() -> None:
    with pytest.raises(WiringError, match=r"^Empty has no table: add one, such as rows = Table\("):

        class Empty(ReadModel[CardAdded]):
            def project(self, event: CardAdded, at: Recorded) -> None:
                pass


def test_totals_are_enough() -> None:
    class Votes(Projects[CardAdded]):
        votes = Totals(str, int)

    assert is_read_model(Votes)


def test_a_model_needs_project() -> None:
    with pytest.raises(WiringError, match=r"^Idle: write project\(self, event, at\)"):

        class Idle(ReadModel[CardAdded]):
            rows = table()


def without_at(model: object, event: object) -> None:
    """Takes too little."""


async def waiting(model: object, event: object, at: object) -> None:
    """Does nothing before somebody awaits it."""


def yielding(model: object, event: object, at: object) -> Iterator[None]:
    """Does nothing before somebody asks for the first."""
    yield


@pytest.mark.parametrize("wrong", [without_at, waiting, yielding, "a text"])
def test_a_model_whose_project_cannot_take_an_event_is_refused(wrong: object) -> None:
    with pytest.raises(WiringError, match=r"^Deaf\.project: expected \(self, event, at\)"):

        class Deaf(ReadModel[CardAdded]):
            rows = table()
            project = cast("Any", wrong)


def test_a_model_says_which_events_it_listens_to() -> None:
    with pytest.raises(WiringError, match=r"^Deaf: declare the events .* ReadModel\[BoardEvent\]"):

        class Deaf(ReadModel):  # type: ignore[type-arg] # pyright: ignore[reportMissingTypeArgument]
            rows = table()


def test_a_model_listens_to_events_alone() -> None:
    with pytest.raises(WiringError, match=r"^Wrong: ReadModel\[...\]; CardRow is not one"):

        class Wrong(Projects[CardRow]):  # type: ignore[type-var] # pyright: ignore[reportInvalidTypeArguments]
            rows = table()


def test_event_alone_is_no_event() -> None:
    with pytest.raises(WiringError, match=r"^Vague: ReadModel\[...\]; Event is not one"):

        class Vague(ReadModel[Event]):
            rows = table()

            def project(self, event: Event, at: Recorded) -> None:
                pass


def test_an_event_class_that_is_not_whole_is_named() -> None:
    class Torn(Event):
        name: Key[str]
        rest: Missing  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable]

    with pytest.raises(WiringError, match="Torn: 'Missing' is not defined at run time"):

        class Model(ReadModel[Torn]):
            rows = table()

            def project(self, event: Torn, at: Recorded) -> None:
                pass


def test_two_events_of_one_stored_name_are_refused() -> None:
    class Renamed(Event):
        stored_as = "CardAdded"
        name: Key[str]

    with pytest.raises(WiringError, match="two event classes have the stored name CardAdded"):

        class Both(ReadModel[CardAdded | Renamed]):
            rows = table()

            def project(self, event: CardAdded | Renamed, at: Recorded) -> None:
                pass


def test_comity_makes_the_instances() -> None:
    with pytest.raises(WiringError, match=r"^Made\.__init__: remove it"):

        class Made(Projects[CardAdded]):
            rows = table()

            def __init__(self) -> None:
                pass


@pytest.mark.parametrize("name", ["position", "lag", "binding", "project", "events", "schema"])
def test_a_table_has_a_name_of_its_own(name: str) -> None:
    body = {"rows": table(), name: table(), "__module__": __name__}
    base: Any = Projects[CardAdded]
    with pytest.raises(WiringError, match=rf"^Made\.{name} is reserved"):
        type("Made", (Projects,), {**body, "__orig_bases__": (base,)})


def test_an_index_needs_a_name() -> None:
    with pytest.raises(WiringError, match=r"^Made: give each index and figure a name, as in by_ti"):

        class Made(Projects[CardAdded]):
            rows = table()
            rows.index(lambda row: row.title)


def test_a_figure_needs_a_name() -> None:
    with pytest.raises(WiringError, match=r"^Made: give each index and figure a name"):

        class Made(Projects[CardAdded]):
            rows = table()
            rows.count(lambda row: row.title)


def test_an_index_belongs_to_a_table_of_its_model() -> None:
    stray = table()
    with pytest.raises(WiringError, match=r"^Made\.by_title: its table belongs to another model"):

        class Made(Projects[CardAdded]):
            rows = table()
            by_title = stray.index(lambda row: row.title)


def test_a_figure_belongs_to_a_table_of_its_model() -> None:
    stray = table()
    with pytest.raises(WiringError, match=r"^Made\.titles: its table belongs to another model"):

        class Made(Projects[CardAdded]):
            rows = table()
            titles = stray.count(lambda row: row.title)


def test_on_error_is_stop_or_park() -> None:
    with pytest.raises(WiringError, match=r"^Made\.on_error: expected 'stop' or 'park', got 'skip"):

        class Made(Projects[CardAdded]):
            on_error = "skip"  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]
            rows = table()


@pytest.mark.parametrize("wrong", [0, -1, True, "2", 1.5])
def test_a_version_counts_from_1(wrong: Any) -> None:  # noqa: ANN401
    with pytest.raises(WiringError, match=r"^Made\.version: expected 1, 2, 3 \.\.\., got"):

        class Made(Projects[CardAdded]):
            version = wrong
            rows = table()


@pytest.mark.parametrize("wrong", ["../x", "a b", "1st", ".hidden", "x" * 65, 5])
def test_a_models_name_is_one_for_a_folder(wrong: Any) -> None:  # noqa: ANN401
    with pytest.raises(WiringError, match=r"^Made\.stored_as: expected a folder's name"):

        class Made(Projects[CardAdded]):
            stored_as = wrong
            rows = table()


def test_a_models_name_is_not_inherited() -> None:
    class First(Projects[CardAdded]):
        stored_as = "first"
        rows = table()

    class Second(First):
        pass

    assert (First.stored_as, Second.stored_as) == ("first", "Second")


@pytest.mark.parametrize(
    "wrong", [Row, Value, CardAdded, str, None, CardRow(board="", card="", title="")]
)
def test_a_table_is_one_of_rows(wrong: Any) -> None:  # noqa: ANN401
    with pytest.raises(WiringError, match="Table: expected a class that inherits from Row, got"):
        Table(wrong, key=repr)


def test_a_key_that_does_not_show_its_code_is_refused() -> None:
    with pytest.raises(WiringError, match=r"Made: .*attrgetter.* write a lambda or a function"):

        class Made(Projects[CardAdded]):
            rows = Table(CardRow, key=cast("Any", attrgetter("card")))


def test_tables_and_project_may_be_inherited() -> None:
    class Base(Projects[E]):
        rows = table()
        by_title = rows.index(lambda row: row.title)

    class Made(Base[CardAdded]):
        more = table()

    assert [one.name for one in Made.schema.tables] == ["rows", "more"]
    assert Made.events == {CardAdded}
    assert is_read_model(Made)
    assert not is_read_model(Base)


def test_a_model_listens_to_the_events_of_a_union() -> None:
    assert len(Cards.events) == 13
    assert Cards.events == set(get_args(CardEvent))
