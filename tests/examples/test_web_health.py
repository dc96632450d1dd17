"""What probes and Prometheus ask a worker of the web example."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import httpx2
from examples.board.read_models import Cards
from prometheus_client.parser import text_string_to_metric_families
from tests.support.web import Board, Worker, eventually, serving, several, told

from comity.actors import Domain


def domain_of(worker: Worker) -> Domain:
    return cast("Domain", worker.app.state.domain)


def test_probes_are_answered_with_the_reasons(tmp_path: Path) -> None:
    with serving(tmp_path / "team.db") as worker:
        eventually(lambda: worker.get("/readyz").status_code == 200)
        alive = worker.get("/healthz")
        assert (alive.status_code, told(alive)) == (200, {"ok": True, "reasons": []})
        assert alive.headers["Cache-Control"] == "no-store"
        domain_of(worker).model(Cards).pause()
        assert worker.get("/readyz").status_code == 200  # late only after 30 s
        domain_of(worker).close()
        for path in ("/healthz", "/readyz"):
            answer = worker.get(path)
            assert answer.status_code == 503
            assert told(answer)["reasons"] == ["the domain is closed; open it again to go on"]


def test_prometheus_reads_the_figures_of_each_worker(tmp_path: Path) -> None:
    with several(tmp_path / "team.db") as workers:
        for http in workers.each().values():
            eventually(lambda: http.get("/readyz").status_code == 200)  # noqa: B023 - at once
            assert figures(http)["comity_sharing_processes"] == 2


def test_a_command_is_counted(tmp_path: Path) -> None:
    with serving(tmp_path / "team.db") as worker:
        before = figures(worker.http)["comity_events_total"]
        Board(worker).done("AddCard", {"card": "c1", "number": 1, "title": "Log in"})
        assert figures(worker.http)["comity_events_total"] > before


def figures(http: httpx2.Client) -> dict[str, float]:
    """The figures without labels."""
    answer = http.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    return {one.name: one.value for each in families for one in each.samples if not one.labels}
