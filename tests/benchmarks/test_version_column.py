import asyncio
from pathlib import Path

import pytest
from benchmarks.board import Change
from benchmarks.job import Case, Job
from benchmarks.merging import run
from benchmarks.peers.version_checked import Stale, VersionChecked, open_board
from benchmarks.proof import Wrong

CREATED = Change("hot", "create", "card", "a title")


@pytest.mark.parametrize("clients", [1, 8])
@pytest.mark.parametrize("name", ["comity", "SQLite, group commit"])
def test_each_command_succeeds_in_the_end(name: str, clients: int, tmp_path: Path) -> None:
    options = {"clients": clients, "behind": 3}
    case = Case("merging", "against a version column", options)
    result = run(Job(case, name, 0.1), tmp_path)
    assert "happened once" in result.proof
    assert (result.facts["attempts per command"] == 1) is (name == "comity")
    assert (result.facts.get("merged", 0) > 0) is (name == "comity")


def test_who_is_stale_is_told_the_newest_version(tmp_path: Path) -> None:
    store = open_board(tmp_path)
    try:
        store.set_up([CREATED])
        rename = CREATED._replace(kind="rename", value="another")
        with pytest.raises(Stale) as refused:
            asyncio.run(store.ask_at(rename, 0))
        assert refused.value.version == 1
        assert asyncio.run(store.ask_at(rename, 1)) == 2
    finally:
        store.close()


class Forgetful(VersionChecked):
    """Answers, and forgets one event."""

    def log(self) -> list[Change]:
        return list(super().log())[:-1]


def test_a_command_that_is_lost_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.peers.version_checked.VersionChecked", Forgetful)
    case = Case("merging", "against a version column", {"clients": 2, "behind": 1})
    with pytest.raises(Wrong, match="stored events, got"):
        run(Job(case, "SQLite, group commit", 0.05), tmp_path)
