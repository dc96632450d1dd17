import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.against import checked_out
from benchmarks.cost import run
from benchmarks.cost_plan import costs
from benchmarks.experiments import stages
from benchmarks.experiments.by_hand import ByHand, HandExecutor
from benchmarks.figures import tables
from benchmarks.job import Case, Job, Result
from benchmarks.peers.comity_board import CreateCard, board
from benchmarks.plan import Item
from benchmarks.process import Done, Variant
from benchmarks.proof import Wrong
from benchmarks.report import Report
from benchmarks.round import Sample
from benchmarks.side_by_side import side_by_side

from comity.actors import Domain

BRIEF = 0.02
"""Seconds with which a cost is only tried out."""


@pytest.mark.parametrize("item", costs().items, ids=lambda item: item.case.variant)
def test_each_cost_is_measured_and_checked(item: Item, tmp_path: Path) -> None:
    result = run(Job(item.case, "comity", BRIEF), tmp_path)
    # Of so few, those that are only known may take less than what others have freed meanwhile.
    assert result.figure > 0 or item.case.variant == "memory of an aggregate that is only known"
    assert result.proof


def test_the_stages_of_a_command_are_those_of_its_way(tmp_path: Path) -> None:
    found = stages.measured("c, read model", tmp_path / "boards", 2)
    assert list(found.least) == ["make", "send", "decide", "commit", "project", "read"]
    assert all(len(took) == 2 for took in found.rounds.values())
    assert all(found.least[stage] <= found.median[stage] for stage in found.least)


def test_a_stage_with_nothing_to_do_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    swapped = ("comity-committer", "comity-pool")
    monkeypatch.setattr("benchmarks.experiments.stages._ENGINE", swapped)
    with pytest.raises(Wrong, match="comity-committer has nothing to do"):
        stages.measured("b", tmp_path / "boards", 2)


def test_a_domain_whose_turns_are_taken_by_hand_answers_whoever_waits(tmp_path: Path) -> None:
    runtime = ByHand()
    with Domain.open(tmp_path / "boards", deciders=[board], runtime=runtime) as domain:
        pending = domain.aggregate(board, "one").send(CreateCard(card="card", title="first"))
        assert not pending.done()
        assert runtime.named("comity-pool").queued
        assert pending.result().version == 1


def test_a_wait_without_turns_ends_without_an_answer() -> None:
    runtime = ByHand()
    executor: HandExecutor = runtime.executor("comity-pool")
    assert not executor.queued
    assert not runtime.sleeper().sleep(None)


def compared() -> Report:
    report = Report("costs", 2, BRIEF, {})
    case = Case("cost", "stages: b", {"of": "stages", "case": "b"})
    for label, figures in {"comity": (10.0, 20.0), "comity abc": (20.0, 30.0)}.items():
        for number, figure in enumerate(figures, 1):
            done = Done(Result(figure, "µs CPU", "checked", {"send": figure / 2}), "1", 0.5, 1.0)
            report.add(Sample(case, Variant(label, "comity"), number, done))
    return report


def test_two_trees_are_compared_round_by_round() -> None:
    text = "\n".join(side_by_side(compared()))
    assert re.search(r"stages: b, µs CPU +10 +15 +20 +20 +25 +30 +0\.58× \(0\.50 to 0\.67\)", text)
    assert re.search(r"send +5 +7\.5 +10 +10 +12\.5 +15 +0\.58×", text)


def test_before_and_now_are_a_table_for_the_performance_page() -> None:
    text = "\n".join(tables(compared()))
    assert "| stages: b, µs CPU | 20 | 10 | 0.58 × (0.50 to 0.67) |" in text
    assert "| … send | 10 | 5 | 0.58 × (0.50 to 0.67) |" in text
    assert "comity's rate" not in text


def test_a_tree_without_a_result_is_told() -> None:
    report = compared()
    report.rows[1].figures.clear()
    report.rows[1].failures.append("round 1: it broke")
    assert any("no result: round 1: it broke" in line for line in side_by_side(report))


def test_a_folder_may_be_compared_with_as_it_is() -> None:
    root = Path(__file__).parents[2]
    with checked_out(str(root)) as (name, sources):
        assert sources == root
        assert re.fullmatch(r"[0-9a-f]{7,}", name)


def test_the_costs_use_only_what_an_older_tree_has_too() -> None:
    for text in sources():
        assert not re.search(r"^(?:from|import) comity\.(?!actors\b|engine\b|readmodels\b)", text)
        inner = re.findall(r"^(?:from|import) (comity\.\w+\.[\w.]+)", text, re.MULTILINE)
        assert inner == []


def sources() -> Iterator[str]:
    folder = Path(__file__).parents[2] / "benchmarks" / "costs"
    for path in folder.glob("*.py"):
        yield path.read_text("utf-8")
