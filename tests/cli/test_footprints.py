"""`comity footprints`: findings in words and as JSON, from histories that are made or recorded."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.cli.shell import Comity
from tests.engine.test_footprint_survey import Mark, Name, cards

from comity.actors import Domain

CARDS = "tests.engine.test_footprint_survey:cards"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two cards that overwrite each other's colour."""
    path = tmp_path / "cards.db"
    with Domain.open(path, deciders=[cards]) as domain:
        aggregate = domain.aggregate(cards, "a")
        aggregate.send(Name(card="z", name="z")).result(60)
        aggregate.send(Mark(card="a", colour="red")).result(60)
        aggregate.send(Mark(card="b", colour="blue")).result(60)
    return path


def test_a_journals_findings_are_told_with_an_example(comity: Comity, journal: Path) -> None:
    assert comity("footprints", CARDS, "--journal", str(journal)).out.splitlines() == [
        "cards: 1 too narrow, 0 too wide (3 events in 1 history)",
        "",
        "too narrow: Marked overwrites what Marked changed, without a conflict (1 pair)",
        "  both change last",
        "  Marked touches card/b/colour",
        "  Marked touches card/a/colour",
        "  such as Marked(card='b', colour='blue')",
        "  after   Marked(card='a', colour='red')",
    ]


def test_findings_as_json(comity: Comity, journal: Path) -> None:
    told = json.loads(comity("footprints", CARDS, "--journal", str(journal), "--json").out)
    (finding,) = told.pop("findings")
    assert told == {"decider": "cards", "histories": 1, "events": 3}
    assert (finding["fit"], finding["later"], finding["parts"]) == (
        "too narrow", "Marked", ["last", "last"],
    )  # fmt: skip


def test_made_histories_find_what_is_too_narrow_and_too_wide(comity: Comity) -> None:
    told = json.loads(comity("footprints", CARDS, "--made", "20", "--json").out)
    found = {(one["fit"], one["later"], one["earlier"]) for one in told["findings"]}
    assert found == {
        ("too narrow", "Marked", "Marked"),
        ("too wide", "Named", "Moved"),
        ("too wide", "Moved", "Named"),
        ("too wide", "Named", "Marked"),
        ("too wide", "Marked", "Named"),
    }


def test_a_domain_without_findings_fits(comity: Comity) -> None:
    out = comity("footprints", "tests.support.party:party", "--made", "20").out
    assert out.startswith("party: all footprints fit (")


def test_made_histories_are_the_same_each_time(comity: Comity) -> None:
    once, again = (comity("footprints", CARDS, "--made", "5", "--json").out for _ in range(2))
    assert once == again


def test_a_journal_without_the_type_is_told(comity: Comity, journal: Path) -> None:
    told = comity("footprints", "tests.support.party:party", "--journal", str(journal))
    assert (told.code, "no aggregates of the type party" in told.err) == (1, True)


def test_without_hypothesis_a_journal_is_asked_for(
    comity: Comity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    told = comity("footprints", CARDS)
    assert (told.code, "install comity[testing], or name a --journal" in told.err) == (2, True)
