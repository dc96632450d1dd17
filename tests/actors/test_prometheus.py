"""`domain.prometheus`: a real parser reads it, and finds what `statistics` and `health` say."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.actors.delivering.posts import Posts
from tests.actors.notebook import Stamp, Write, notebook
from tests.actors.shelf import Pages, until

from comity.actors import PROMETHEUS_TYPE, Domain, HealthLimits
from comity.actors.operating.exposition import Exposition
from comity.engine import Conflicted
from comity.engine.journal.memory_journal import MemoryJournal


def parsed(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The samples by name and labels, each once."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("comity_")
        assert family.documentation
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def labels(**those: str) -> frozenset[tuple[str, str]]:
    return frozenset(those.items())


def test_it_has_the_statistics_of_this_process() -> None:
    with Domain(MemoryJournal(), deciders=[notebook]) as domain:
        ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
        bob.send(Write(page="p", text="bob's")).result(60)
        with pytest.raises(Conflicted):
            ann.send(Write(page="p", text="ann's"), seen=0).result(60)
        figures, samples = domain.statistics(), parsed(domain.prometheus())
    assert samples["comity_commits_total", labels()] == figures.commits
    assert samples["comity_events_total", labels()] == figures.events == 1
    assert samples["comity_journal_position", labels()] == 1
    for end, many in figures.ends.items():
        assert samples["comity_commands_total", labels(end=end)] == many
    ((command, place),) = figures.conflicts
    assert samples["comity_conflicts_total", labels(command=command, place=place)] == 1


def test_it_has_the_health_and_each_part(tmp_path: Path) -> None:
    with Domain.open(
        tmp_path / "t.db", deciders=[notebook], read_models=[Pages], outlets=[Posts()]
    ) as domain:
        domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
        assert until(lambda: domain.health(HealthLimits(lag=0)).ok)
        assert until(lambda: domain.outlets()[0].delivered == 1)
        samples = parsed(domain.prometheus())
        domain.model(Pages).pause()
        after = parsed(domain.prometheus())
    for check in ("alive", "ready", "well"):
        assert samples["comity_health", labels(check=check)] == 1
    assert after["comity_health", labels(check="well")] == 0
    assert samples["comity_model_lag_seconds", labels(model="Pages")] == 0
    assert samples["comity_model_rows", labels(model="Pages", table="rows")] == 1
    assert samples["comity_model_readable", labels(model="Pages")] == 1
    assert samples["comity_model_state", labels(model="Pages", state="following")] == 1
    assert after["comity_model_state", labels(model="Pages", state="paused")] == 1
    assert samples["comity_outlet_delivered_total", labels(outlet="Posts")] == 1
    assert samples["comity_outlet_leads", labels(outlet="Posts")] == 1


def test_a_closed_domain_still_says_that_it_is_not_alive() -> None:
    domain = Domain(MemoryJournal(), deciders=[notebook])
    domain.close()
    assert parsed(domain.prometheus())["comity_health", labels(check="alive")] == 0


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "\\n", "é💡", "", "a,b} 1", "\x1b[2J"])
def test_labels_are_escaped(text: str) -> None:
    exposition = Exposition()
    exposition.add_each("comity_x", "gauge", "Two\nlines\\.", [({"label": text, "z": "1"}, 2.5)])
    assert parsed(str(exposition)) == {("comity_x", labels(label=text, z="1")): 2.5}


@pytest.mark.parametrize("value", [0, 7, 1 << 60, 0.1, 1e300, float("inf"), float("-inf"), True])
def test_figures_are_read_back(value: float) -> None:
    exposition = Exposition()
    exposition.add("comity_x", "gauge", "A figure.", value)
    assert parsed(str(exposition)) == {("comity_x", frozenset()): value}


def test_a_family_without_figures_is_left_out() -> None:
    exposition = Exposition()
    exposition.add_each("comity_x", "counter", "Nothing.", [])
    assert str(exposition) == ""


def test_the_media_type_names_the_format() -> None:
    assert PROMETHEUS_TYPE == "text/plain; version=0.0.4; charset=utf-8"
