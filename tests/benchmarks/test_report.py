import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from benchmarks.experiments.finding import Finding
from benchmarks.experiments.trial import Trial
from benchmarks.figures import tables
from benchmarks.job import Case, Job, Result
from benchmarks.latency import Latency
from benchmarks.process import Done, Variant
from benchmarks.report import Report
from benchmarks.round import Sample, rounds
from benchmarks.trace import flushes

from benchmarks import page, plan


def made() -> Report:
    report = Report("tiny", 2, 0.1, {"cores": 2, "versions": {"lmdb": "3"}})
    case = plan.board_case("b", "asyncio", read_model=False)
    rates = {
        "comity": (100.0, 300.0),
        "SQLite, group commit": (50.0, 100.0),
        "raw LMDB": (1e3, 2e3),
    }
    for label, figures in rates.items():
        for number, figure in enumerate(figures, 1):
            latency = Latency.of([0.001 * (one + 1) for one in range(100)])
            result = Result(figure, "commands/s", "checked <all>", {"commits": 3.0}, latency)
            done = Done(result, "1.0", 0.5, 1.0)
            report.add(Sample(case, Variant(label, label), number, done))
    for events in (10, 1_000):
        options = {"axis": "events of the aggregate", "line": "no snapshot", "at": events}
        growing = Case("cold", f"{events} events", options)
        done = Done(Result(events * 2.0, "µs", "checked", {}), "1.0", 0.5, 1.0)
        report.add(Sample(growing, Variant("comity", "comity"), 1, done))
    report.profile = {
        "name": "all", "value": 10,
        "children": [{"name": "run (actors/runtime/pool.py)", "value": 9, "children": []}],
    }  # fmt: skip
    return report


def test_ratios_are_taken_round_by_round() -> None:
    rows = {row.label: row for row in made().cases()["board: b, asyncio"]}
    assert rows["comity"].ratios(rows["SQLite, group commit"]) == [2.0, 3.0]
    assert rows["comity"].spread == (100.0, 300.0)


def test_a_report_comes_back_from_json() -> None:
    report = made()
    again = Report.from_json(json.loads(json.dumps(report.as_json())))
    assert again.as_json() == report.as_json()
    assert page.render(again) == page.render(report)


def test_the_page_needs_nothing_from_elsewhere_and_its_plots_are_well_formed() -> None:
    text = page.render(made())
    assert not re.search(r"(?:src|href)=\"(?!#)|@import|url\(|<script", text)
    plots = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(plots) == 4  # bars, latencies, growth, flame graph
    for plot in plots:
        ET.fromstring(plot)  # noqa: S314 - made just now
    assert "checked &lt;all&gt;" in text


def test_the_table_says_what_comity_is_in_terms_of_the_others() -> None:
    text = "\n".join(made().table())
    assert re.search(r"SQLite, group commit +75 .* 2\.50×", text)


def test_a_job_that_fails_is_told_and_does_not_count(tmp_path: Path) -> None:
    item = plan.Item(Case("board", "no such shape", {"shape": "z"}), ["comity"])
    todo = plan.Plan("tiny", [item], 1, 0.05)
    said: list[str] = []
    variants = {"comity": [Variant("comity", "comity")]}
    report = Report("tiny", 1, 0.05, {})
    for sample in rounds(todo, variants, tmp_path, said.append):
        report.add(sample)
    assert report.failures()
    assert not report.rows[0].figures
    assert any("FAILED" in text for text in said)


def test_a_job_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    case = plan.board_case("a", "threads", read_model=False)
    done = Variant("comity", "comity").run(Job(case, "comity", 0.1), tmp_path)
    assert done.result.figure > 0
    assert done.result.latency
    assert list(tmp_path.iterdir()) == []


def test_quantiles_are_within_a_bucket() -> None:
    latency = Latency.of([one / 1e6 for one in range(1, 10_001)])
    assert latency.quantile(0.5) == pytest.approx(0.005, rel=0.05)
    assert latency.quantile(0.99) == pytest.approx(0.0099, rel=0.05)
    assert latency.quantile(1.0) == 0.01


def test_an_answer_without_a_flush_is_seen() -> None:
    text = """
7 openat(AT_FDCWD, "/d/data.mdb", O_RDWR|O_DSYNC) = 9</d/data.mdb>
7 write(4</d/marks>, "send 0\\n", 7) = 7
8 fdatasync(8</d/data.mdb> <unfinished ...>
8 <... fdatasync resumed>) = 0
8 pwrite64(9</d/data.mdb>, "x", 1, 0) = 1
7 write(4</d/marks>, "answer 0\\n", 9) = 9
7 write(4</d/marks>, "send 1\\n", 7) = 7
7 write(4</d/marks>, "answer 1\\n", 9) = 9
8 fdatasync(8</d/data.mdb>) = 0
"""
    assert flushes(text) == [{"fdatasync": 1, "O_DSYNC write": 1}, {}]


def test_the_tables_of_the_performance_page_come_from_the_report() -> None:
    report = made()
    name = "c, read model"
    found = [Finding(f"{name}: project", 20.04, "µs"), Finding(f"{name}: in all", 58.6, "µs")]
    report.trials = [Trial("stages", found)]
    report.reading = [
        {"part": "query", "what": "point query", "figure": 2e5, "unit": "/s", "ratio": 0.5}
    ]
    text = "\n".join(tables(report))
    assert "| b, one board, 64 asyncio clients | 200 | 75 |" in text
    assert "| board: b, asyncio | SQLite, group commit | 2.67 × | 2.00 to 3.00 |" in text
    assert "| cold: 10 events | 20 µs | 20 to 20 |" in text
    assert "| query: point query | 200,000 /s | 0.50 × |" in text
    assert "| c, read model |  |  |  |  | 20.0 |  | 58.6 |" in text
    assert "version column" not in text


def test_the_stages_are_one_table_on_the_page() -> None:
    report = made()
    report.trials = [
        Trial(
            "stages", [Finding("b: send", 4.0, "µs"), Finding("b: in all", 9.0, "µs", note="hot")]
        )
    ]
    text = page.render(report)
    assert "<td class=number>4.0</td>" in text
    assert "<figcaption>b: hot</figcaption>" in text
