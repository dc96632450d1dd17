import importlib
import json
import re
from pathlib import Path

import pytest
from benchmarks.experiments import (
    backups,
    checking,
    compacting,
    elsewhere,
    exporting,
    flush,
    growing,
    hot,
    interpreter,
    outlets,
    packing,
    rehearsing,
    sharing,
    sharing_parts,
    snapshots,
    two_domains,
    upcasting,
    verifying,
    waking,
    ways,
    web_workers,
)
from benchmarks.experiments.board_jobs import rate
from benchmarks.experiments.finding import Finding
from benchmarks.experiments.trial import QUESTIONS, Trial, tried
from benchmarks.proof import Wrong
from benchmarks.report import Report

from benchmarks import page, plans


def test_each_question_has_a_module_that_answers_it() -> None:
    for name in QUESTIONS:
        assert callable(importlib.import_module(f"benchmarks.experiments.{name}").run)


def test_every_way_to_flush_has_what_was_committed(tmp_path: Path) -> None:
    findings = flush.run(tmp_path, 0.03)
    assert len(findings) == 6
    assert all(one.figure and "read back" in one.note for one in findings)
    assert any("may lose the last commit" in one.what for one in findings)


def test_a_commit_that_is_not_there_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.pwrite", nothing)
    with pytest.raises(Wrong, match="read back"):
        flush.run(tmp_path, 0.03)


def test_each_way_wakes_the_other_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(waking, "_IDLE", 0.01)
    monkeypatch.setattr(waking, "_WAYS", {"a futex": waking.Futex, "a fifo": waking.Fifo})
    findings = waking.run(tmp_path, 0.02)
    assert len(findings) == 4
    assert all(one.figure for one in findings)


@pytest.mark.slow  # it starts four processes
def test_reads_and_take_overs_are_measured_where_another_process_leads(tmp_path: Path) -> None:
    findings = elsewhere.run(tmp_path, 0.02)
    assert len(findings) == 6
    assert all(one.figure is not None for one in findings)


def test_all_processes_take_commands_and_the_boards_are_the_fold_of_all_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"_BOARDS": 20, "_ROUNDS": 1, "_PROCESSES": (1, 2)}.items():
        monkeypatch.setattr(sharing, name, value)
    monkeypatch.setattr(sharing, "_LOADS", [sharing.Load("web", "asyncio", 4, each=False)])
    findings = sharing.run(tmp_path, 0.03)
    assert [one.what for one in findings] == [
        "web: group commit, one process",
        "web: comity, one process",
        "web: comity, 2 processes",
    ]
    assert all(one.figure and "the boards their fold" in one.note for one in findings)


def test_a_process_that_ends_early_gives_no_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sharing, "_BOARDS", 2)
    monkeypatch.setattr(sharing, "_LOADS", [sharing.Load("no client", "pipelined", 0, each=False)])
    with pytest.raises(Wrong, match="ended early"):
        sharing.run(tmp_path, 0.03)


@pytest.mark.slow
def test_the_parts_of_sharing_are_timed_and_many_cores_are_estimated(tmp_path: Path) -> None:
    findings = sharing_parts.run(tmp_path, 0.01)
    told = [one.what for one in findings]
    assert {"take over a foreign command", "decide, two foreign before"} <= set(told)
    assert told[-1] == "estimate: 16 processes on 16 cores"
    assert all(one.figure for one in findings)


def test_formats_give_back_the_event_and_those_that_are_absent_are_named(tmp_path: Path) -> None:
    findings = packing.run(tmp_path, 0.01)
    assert {"pack: msgpack", "unpack: json", "pack: marshal"} <= {one.what for one in findings}
    told = " ".join(one.what for one in findings)
    assert "msgspec.msgpack" in told
    assert "ormsgpack" in told


def test_events_of_each_schema_version_are_read_as_the_same_event(tmp_path: Path) -> None:
    findings = upcasting.run(tmp_path, 0.01)
    assert {"one upcast", "two upcasts", "a newer program's"} <= {one.what for one in findings}


def test_a_dead_service_accepts_nothing_and_a_slow_one_all_in_order(tmp_path: Path) -> None:
    findings = outlets.run(tmp_path, 0.02)
    assert len(findings) == 10
    assert "400 events of 200 keys, each in order" in findings[-1].note


def test_each_command_of_each_process_is_stored_once(tmp_path: Path) -> None:
    findings = hot.run(tmp_path, 0.02)
    assert len(findings) == 10
    assert all(one.figure is not None for one in findings)


def test_a_check_reads_all_events_that_a_scan_reads(tmp_path: Path) -> None:
    findings = checking.run(tmp_path, 0.0)
    assert [one.what for one in findings] == ["a raw scan of 2,000 events", "check of 2,000 events"]


def test_what_grows_is_counted_in_bytes(tmp_path: Path) -> None:
    findings = growing.run(tmp_path, 0.0)
    assert len(findings) == 9
    assert all(one.figure for one in findings if "snapshot" not in one.what)


def test_refusals_and_deleted_rows_give_their_room_back(tmp_path: Path) -> None:
    findings = compacting.run(tmp_path, 0.0)
    assert len(findings) == 6
    assert all(one.figure for one in findings)


def test_recorded_commands_are_decided_again_without_a_difference(tmp_path: Path) -> None:
    findings = rehearsing.run(tmp_path, 0.01)
    assert sum("0 differences" in one.note for one in findings) == 2
    assert all(one.figure for one in findings)


def test_an_exported_journal_comes_back_the_same(tmp_path: Path) -> None:
    findings = exporting.run(tmp_path, 0.0)
    assert sum("201 records are the same" in one.note for one in findings) == 2


def test_verifying_reads_all_events_and_finds_no_fault(tmp_path: Path) -> None:
    findings = verifying.run(tmp_path, 0.0)
    assert [one.note.startswith("2,000 events") for one in findings] == [False, False, True]


def test_what_the_interpreter_has_is_told_without_a_path(tmp_path: Path) -> None:
    findings = interpreter.run(tmp_path, 0.0)
    assert "this interpreter holds a GIL" in {one.what for one in findings}
    assert not any("/" in one.note for one in findings)


def test_the_board_runs_with_another_collector_and_switch_interval(tmp_path: Path) -> None:
    found, note = rate(tmp_path, 0.05, "b", gc="off", switch_interval=0.001)
    assert found > 0
    assert "the boards their fold" in note


def test_looking_and_loading_are_timed_on_what_a_killed_host_left(tmp_path: Path) -> None:
    findings = snapshots.run(tmp_path, 0.01)
    told = [one.what for one in findings]
    assert "look, live, 1,000 events" in told
    assert "first command after kill -9, 100 events" in told
    assert all(one.figure for one in findings)
    assert "5 rounds" in findings[-1].note


@pytest.mark.slow
def test_a_domain_is_backed_up_while_it_works(tmp_path: Path) -> None:
    findings = backups.run(tmp_path, 0.01)
    assert [one.what for one in findings[:2]] == [
        "no backup: commands",
        "full backups in a thread: commands",
    ]
    assert all(one.figure for one in findings)
    assert "restored: same" in findings[-1].note


@pytest.mark.slow
def test_a_warehouse_takes_each_event_of_a_shop_once(tmp_path: Path) -> None:
    events, commands, requests, seconds = two_domains.run(tmp_path, 0.01)
    assert events.figure == commands.figure == 60
    assert requests.figure is not None
    assert seconds.figure is not None


@pytest.mark.slow
def test_each_worker_answers_what_the_clients_ask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(web_workers, "_ROUNDS", 1)
    findings = web_workers.run(tmp_path, 0.1)
    assert [one.what for one in findings[:3]] == [
        "commands, 1 worker",
        "commands, 2 workers",
        "commands, 4 workers",
    ]
    assert all(one.figure for one in findings)


def test_an_experiment_that_fails_is_told_and_the_report_fails() -> None:
    (trial,) = tried(["there is none"], None, 0.01)
    report = Report("tiny", 1, 0.1, {}, trials=[trial])
    assert "No module" in trial.failure
    assert report.failures()
    assert "no result" in "\n".join(report.table())


def test_findings_come_back_from_json_and_are_on_the_page() -> None:
    trial = Trial("flush", [Finding("one <flush>", 1.0, "ms", 2.0, "checked"), Finding("a fact")])
    report = Report("experiments", 1, 0.1, {"cores": 2, "versions": {"lmdb": "3"}}, trials=[trial])
    again = Report.from_json(json.loads(json.dumps(report.as_json())))
    assert again.trials == [trial]
    assert "one &lt;flush&gt;" in page.render(again)
    assert re.search(r"one <flush> +1 ms +0\.50×", "\n".join(again.table()))


def test_one_experiment_can_be_chosen() -> None:
    assert plans.experiments().only(["flush"]).experiments == ["flush"]


def test_the_way_of_a_command_an_event_and_a_query_is_counted(tmp_path: Path) -> None:
    findings = ways.run(tmp_path, 0.0)
    assert [one.unit for one in findings] == ["calls"] * 3
    assert all(one.figure and "files" in one.note for one in findings)


def nothing(*_: object) -> int:
    return 0
