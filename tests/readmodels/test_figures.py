"""Counts, sums and totals: kept up to date by themselves, and exact or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.readmodels.bench import Bench

from comity.engine import Event, Invalid, Key, Recorded
from comity.engine.errors import ReadModelError
from comity.readmodels import ReadModel, Row, Table, Totals
from comity.readmodels.projecting.projection import CannotProject
from comity.readmodels.tables.figure import NOTHING, Figure, group_key, minus


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Sold(Event):
    order: Key[str]
    shop: str | None = None
    pieces: int = 0
    price: Decimal = Decimal(0)
    size: Size = Size.SMALL


class Returned(Event):
    order: Key[str]


class Rated(Event):
    shop: Key[str]
    stars: int


class OrderRow(Row):
    order: str
    shop: str | None
    pieces: int
    price: Decimal
    size: Size


class Sales(ReadModel[Sold | Returned | Rated]):
    rows = Table(OrderRow, key=lambda row: row.order)
    orders = rows.count(lambda row: row.shop)
    pieces = rows.sum(lambda row: row.pieces, by=lambda row: row.shop)
    turnover = rows.sum(lambda row: row.price, by=lambda row: row.shop)
    doubled = rows.sum(lambda row: row.price * 2, by=lambda row: row.shop)
    by_size = rows.count(lambda row: (row.shop or "", row.size.value))
    stars = Totals(str, int)
    shares = Totals(str, Decimal)

    def project(self, event: Sold | Returned | Rated, at: Recorded) -> None:
        match event:
            case Sold():
                self.rows.put(OrderRow(**event.__dict__))
            case Returned(order=order):
                self.rows.delete(order)
            case Rated(shop=shop, stars=stars):
                self.stars.add(shop, stars)
                self.shares.add(shop, Decimal(stars) / 10)


@pytest.fixture
def sales(tmp_path: Path) -> Iterator[Bench[Sales]]:
    bench = Bench(Sales, tmp_path / "sales")
    yield bench
    bench.close()


def test_rows_are_counted_by_group(sales: Bench[Sales]) -> None:
    sales.take(Sold(order="1", shop="b"), Sold(order="2", shop="a"), Sold(order="3", shop="b"))
    with sales.read() as model:
        assert list(model.orders.items()) == [("a", 1), ("b", 2)]
        assert (model.orders["b"], model.orders["nobody's"]) == (2, 0)
        assert (model.orders.total(), model.orders.count(), len(model.orders)) == (3, 2, 2)


def test_a_row_without_a_group_is_in_none(sales: Bench[Sales]) -> None:
    sales.take(Sold(order="1", pieces=7))
    with sales.read() as model:
        assert model.orders.total() == model.pieces.total() == 0


def test_integers_and_decimals_are_summed(sales: Bench[Sales]) -> None:
    sales.take(
        Sold(order="1", shop="a", pieces=2, price=Decimal("0.10")),
        Sold(order="2", shop="a", pieces=3, price=Decimal("0.20")),
    )
    with sales.read() as model:
        assert model.pieces["a"] == 5
        assert model.turnover["a"] == Decimal("0.30")
        assert model.doubled["a"] == Decimal("0.60")


def test_a_sum_of_decimals_is_a_decimal_without_rows_too(sales: Bench[Sales]) -> None:
    with sales.read() as model:
        assert type(model.turnover["a"]) is type(model.turnover.total()) is Decimal
        assert type(model.shares["a"]) is Decimal
        assert type(model.pieces["a"]) is int


def test_a_row_that_changes_its_group_is_counted_in_the_new_one_only(sales: Bench[Sales]) -> None:
    sales.take(Sold(order="1", shop="a", pieces=2))
    sales.take(Sold(order="1", shop="b", pieces=3))
    with sales.read() as model:
        assert list(model.orders.items()) == [("b", 1)]
        assert list(model.pieces.items()) == [("b", 3)]


def test_a_group_without_rows_is_gone(sales: Bench[Sales]) -> None:
    sales.take(Sold(order="1", shop="a", pieces=2), Sold(order="2", shop="b"))
    sales.take(Returned(order="1"))
    with sales.read() as model:
        assert dict(model.orders.items()) == {"b": 1}
        assert model.orders.count() == 1


def test_a_group_whose_sum_is_nothing_is_there_as_long_as_its_rows_are(
    sales: Bench[Sales],
) -> None:
    sales.take(Sold(order="1", shop="a", pieces=2), Sold(order="2", shop="a", pieces=-2))
    assert sales.ask(lambda model: dict(model.pieces.items())) == {"a": 0}
    sales.take(Returned(order="1"), Returned(order="2"))
    assert sales.ask(lambda model: dict(model.pieces.items())) == {}


def test_totals_are_added_to(sales: Bench[Sales]) -> None:
    sales.take(Rated(shop="a", stars=5), Rated(shop="b", stars=3))
    sales.take(Rated(shop="a", stars=-1))
    with sales.read() as model:
        assert dict(model.stars.items()) == {"a": 4, "b": 3}
        assert dict(model.shares.items()) == {"a": Decimal("0.4"), "b": Decimal("0.3")}


def test_a_total_that_comes_to_nothing_is_gone(sales: Bench[Sales]) -> None:
    sales.take(Rated(shop="a", stars=5))
    sales.take(Rated(shop="a", stars=-5))
    assert sales.ask(lambda model: (model.stars.count(), model.shares.count())) == (0, 0)


def test_totals_are_read_only_outside_of_project(sales: Bench[Sales]) -> None:
    with sales.read() as model, pytest.raises(ReadModelError, match="only `project` can"):
        model.stars.add("a", 1)


def test_the_greatest_groups_come_first(sales: Bench[Sales]) -> None:
    sales.take(*(Sold(order=str(n), shop=f"s{n % 3}", pieces=n) for n in range(10)))
    assert sales.ask(lambda model: model.pieces.top(2)) == [("s0", 18), ("s2", 15)]


def test_a_tuple_may_be_a_group(sales: Bench[Sales]) -> None:
    sales.take(Sold(order="1", shop="a"), Sold(order="2", shop="a", size=Size.LARGE))
    assert sales.ask(lambda model: list(model.by_size.items())) == [
        (("a", "large"), 1),
        (("a", "small"), 1),
    ]


def test_there_may_be_more_groups_than_are_read_at_once(sales: Bench[Sales]) -> None:
    sales.take(*(Rated(shop=f"{n:04}", stars=1) for n in range(1_500)))
    with sales.read() as model:
        assert [shop for shop, _ in model.stars.items()] == [f"{n:04}" for n in range(1_500)]
        assert model.stars.total() == 1_500


def test_a_sum_may_outgrow_64_bits(sales: Bench[Sales]) -> None:
    most = (1 << 63) - 1
    sales.take(*(Sold(order=str(n), shop="a", pieces=most) for n in range(5)))
    sales.take(*(Sold(order=str(n), shop="b", pieces=-most) for n in range(5, 10)))
    assert sales.ask(lambda model: list(model.pieces.items())) == [
        ("a", 5 * most),
        ("b", -5 * most),
    ]
    sales.take(*(Returned(order=str(n)) for n in range(4)))
    assert sales.ask(lambda model: model.pieces["a"]) == most


def test_decimals_are_not_rounded_on_the_way(sales: Bench[Sales]) -> None:
    vast, tiny = Decimal("1e40"), Decimal("1e-40")
    sales.take(Sold(order="1", shop="a", price=vast), Sold(order="2", shop="a", price=tiny))
    assert sales.ask(lambda model: Fraction(model.turnover.total())) == Fraction(vast) + Fraction(
        tiny
    )
    sales.take(Returned(order="1"))
    assert sales.ask(lambda model: model.turnover["a"]) == tiny


def test_decimals_that_cannot_be_added_exactly_fail(sales: Bench[Sales]) -> None:
    sales.take(Sold(order="1", shop="a", price=Decimal("1e9000")))
    with pytest.raises(CannotProject, match="Inexact"):
        sales.take(Sold(order="2", shop="a", price=Decimal(1)))
    assert sales.ask(lambda model: model.turnover["a"]) == Decimal("1e9000")


INTS: st.SearchStrategy[Sequence[int | Decimal]] = st.lists(st.integers(-(1 << 70), 1 << 70))
DECIMALS: st.SearchStrategy[Sequence[int | Decimal]] = st.lists(
    st.decimals(-(10**20), 10**20, places=12)
)


@given(numbers=INTS | DECIMALS)
def test_what_was_added_can_be_taken_off_again(numbers: Sequence[int | Decimal]) -> None:
    figure = NOTHING
    for number in numbers:
        figure = Figure.unpack(figure.plus(1, number).pack())
    assert figure.number == sum(map(Fraction, numbers))
    for number in reversed(numbers):
        figure = Figure.unpack(figure.plus(-1, minus(number)).pack())
    assert figure.is_nothing


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize("group", [Colour.RED, ("a", Colour.RED)])
def test_an_enum_is_no_group(group: object) -> None:
    with pytest.raises(Invalid, match=r"group by <Colour.RED: 'red'>.value"):
        group_key(group)


@pytest.mark.parametrize("number", [0.5, Decimal("NaN"), Decimal("Infinity"), "1", None])
def test_only_exact_numbers_are_added(tmp_path: Path, number: object) -> None:
    def compute(_: OrderRow) -> int:
        return cast("int", number)

    class Sums(ReadModel[Sold | Rated]):
        rows = Table(OrderRow, key=lambda row: row.order)
        computed = rows.sum(compute, by=lambda row: row.shop)
        totals = Totals(str, int)

        def project(self, event: Sold | Rated, at: Recorded) -> None:
            match event:
                case Sold():
                    self.rows.put(OrderRow(**event.__dict__))
                case Rated(shop=shop):
                    self.totals.add(shop, cast("int", number))

    bench = Bench(Sums, tmp_path / "sums")
    for event in (Sold(order="1", shop="a"), Rated(shop="a", stars=1)):
        with pytest.raises(CannotProject, match="expects int or finite Decimal"):
            bench.take(event)
    assert bench.ask(lambda model: (len(model.rows), len(model.totals))) == (0, 0)
    bench.close()


def is_iterated(figures: object) -> None:
    iter(cast("Iterable[object]", figures))


def is_searched(figures: object) -> None:
    assert "a" in cast("Iterable[object]", figures)


@pytest.mark.parametrize("look", [is_iterated, is_searched])
def test_figures_are_not_asked_for_0_1_2_and_so_on(
    sales: Bench[Sales], look: Callable[[object], None]
) -> None:
    with sales.read() as model, pytest.raises(TypeError, match=r"not (a container or )?iterable"):
        look(model.orders)
