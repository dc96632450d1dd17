"""Pages: they need nothing else, hold no markup but their own, and say in tables what they show."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from comity.simulation.telling.axis import Axis, amounts, clock, durations, hours, shares, span
from comity.simulation.telling.bars import Bar, bars
from comity.simulation.telling.heat_map import Heat, few_digits, heat_map
from comity.simulation.telling.markup import element, html, table
from comity.simulation.telling.page import figure, figures, page, section, story
from comity.simulation.telling.plot import Point, Series, plot

HOSTILE = "<script>alert('x')</script>"


def a_page() -> str:
    return page(
        HOSTILE,
        figures([(12, HOSTILE)]),
        section(
            HOSTILE,
            story([HOSTILE]),
            figure(HOSTILE, a_plot(), table=table(["a", "b"], [[HOSTILE, 1]], HOSTILE)),
            heat_map([HOSTILE], ["b"], {(HOSTILE, "b"): Heat(3, HOSTILE)}, caption=HOSTILE),
            bars([Bar(HOSTILE, 1, HOSTILE)], HOSTILE),
        ),
    )


def a_plot() -> str:
    series = [Series(name, [Point(0, 0), Point(60, 5, HOSTILE, 4, 6)]) for name in ("a", HOSTILE)]
    return plot(series, hours(60), amounts(5), told=HOSTILE)


class Balance(HTMLParser):
    """Reads a page, and remembers which elements are open, and which were there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag


def test_every_element_of_a_page_is_closed() -> None:
    balance = Balance()
    balance.feed(a_page())
    assert balance.open == []
    assert {"table", "svg", "figure", "ol"} <= balance.seen


def test_a_text_never_becomes_markup() -> None:
    balance = Balance()
    balance.feed(a_page())
    assert "script" not in balance.seen


def test_a_page_takes_nothing_from_the_network() -> None:
    assert re.findall(r"https?:|url\(|@import|src=|<link", a_page()) == []


def test_a_page_has_a_dark_theme_and_fits_a_phone() -> None:
    text = a_page()
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_a_picture_is_told_to_those_who_hear_the_page() -> None:
    assert 'role="img" aria-label="two lines"' in plot([], hours(1), shares(1), told="two lines")


def test_numbers_of_a_table_stand_at_the_right_below_their_heads() -> None:
    made = table(["who", "how many"], [["ann", 1234]])
    assert '<th scope="col" class="number">how many</th>' in made
    assert '<td class="number">1,234</td>' in made
    assert '<th scope="row">ann</th>' in made


def test_an_attribute_is_escaped_and_left_out_if_it_is_none() -> None:
    assert element("p", "a", title='"', id=None) == '<p title="&quot;">a</p>'


def test_markup_is_not_escaped_twice() -> None:
    assert html(html("a < b")) == "a &lt; b"


def test_the_greatest_number_of_a_heat_map_has_the_strongest_tint() -> None:
    made = heat_map(["a"], ["b", "c"], {("a", "b"): Heat(9), ("a", "c"): Heat(1)}, caption="")
    strong, faint = map(float, re.findall(r"--tint\),([\d.]+)", made)[:2])
    assert strong > faint


@pytest.mark.parametrize("most", [0, 0.003, 1, 7, 99, 12_345])
def test_an_axis_of_amounts_ends_at_a_round_number_above_all(most: float) -> None:
    axis = amounts(most)
    assert axis.low == 0
    assert axis.high >= most
    assert axis.ticks[-1].value == pytest.approx(axis.high)
    assert 3 <= len(axis.ticks) <= 7


def test_a_logarithmic_axis_places_equal_factors_at_equal_distances() -> None:
    axis = Axis(1, 100, (), log=True)
    assert [axis.place(one) for one in (1, 10, 100)] == pytest.approx([0, 0.5, 1])


def test_what_is_beyond_an_axis_is_at_its_end() -> None:
    assert [durations(1, 100).place(one) for one in (0, 1e9)] == [0, 1]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.02, "20 ms"),
        (1.5, "1.5 s"),
        (42, "42 s"),
        (180, "3 min"),
        (7_500, "2 h 5 min"),
    ],
)
def test_a_span_is_said_in_few_letters(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (27_900, "7:45"), (30, "0:00:30")])
def test_a_time_is_said_as_a_clock_does(seconds: float, said: str) -> None:
    assert clock(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"), [(7, "7"), (940, "940"), (1_234, "1.2k"), (35_400, "35.4k"), (4e6, "4M")]
)
def test_a_number_of_a_cell_is_short(number: float, said: str) -> None:
    assert few_digits(number) == said


def test_the_time_of_a_line_of_a_story_is_set_apart() -> None:
    assert "<time>00:02:11.000</time> ann looked" in story(["00:02:11.000 ann looked"])
    assert "<li>ann looked</li>" in story(["ann looked"])


@pytest.mark.parametrize(("low", "high"), [(0.15, 0.4), (1, 90), (0.001, 36_000)])
def test_an_axis_of_durations_has_some_ticks_but_not_many(low: float, high: float) -> None:
    assert 3 <= len(durations(low, high).ticks) <= 9
