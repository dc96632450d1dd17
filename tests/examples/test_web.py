"""The board over HTTP: what became of a command, pages, tags, reading one's own writes, streams."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import httpx2
import pytest
from examples.board.domain import AddCard, board
from examples.board.read_models import Cards
from examples.web.page import STATIC, Part
from examples.web.problems import problem_of
from examples.web.streams import Streams
from tests.support.web import (
    ROOT,
    SOON,
    Board,
    Told,
    Worker,
    Workers,
    data,
    eventually,
    listening,
    serving,
    several,
    told,
)

from comity.actors import Domain
from comity.engine import (
    Behind,
    Busy,
    Closed,
    ComityError,
    DeciderFailed,
    Invalid,
    JournalError,
    LedElsewhere,
    NotReady,
    OutcomeUnknown,
    StorageFull,
)

ANN = {"X-Person": "ann", "X-Session": "tab-of-ann"}
SECRET = "hunter2-do-not-tell"  # noqa: S105 - it is no password

# --- a worker in this process, and several in processes of their own ------------------------------


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("web") / "team.db") as worker:
        yield worker


@pytest.fixture
def empty(worker: Worker) -> Board:
    return Board(worker)


@pytest.fixture
def sprint(empty: Board) -> Board:
    """A board with five cards; the fifth is at version 5."""
    for number in range(1, 6):
        empty.done("AddCard", {"card": f"c{number}", "number": number, "title": f"Task {number}"})
    assert empty.version == 5  # and so says the read side, which a live page begins with
    return empty


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with several(tmp_path_factory.mktemp("web") / "team.db") as workers:
        yield workers


# --- commands -------------------------------------------------------------------------------------


def test_a_command_is_answered_with_what_became_of_it(sprint: Board) -> None:
    answer = sprint.post("RenameCard", {"card": "c1", "title": "Log in"}, seen=5)
    body = told(answer)
    assert answer.status_code == 200
    assert (body["outcome"], body["version"]) == ("applied", 6)
    assert body["sentence"] == "ann wanted to rename card on version 5: applied"
    fields = {"card": "c1", "title": "Log in"}
    assert body["events"] == [{"event": "CardRenamed", "fields": fields}]
    assert answer.headers["ETag"] == '"6"'
    assert answer.headers["Comity-Position"] == str(body["position"])


def test_what_does_not_clash_is_merged(sprint: Board) -> None:
    sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=5, who="bob")
    body = sprint.done("MoveCard", {"card": "c1", "column": "doing"}, seen=5)
    assert body["outcome"] == "merged"
    assert body["report"]["unseen"] == 1


def test_a_clash_is_a_problem_that_says_what_happened_meanwhile(sprint: Board) -> None:
    sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=5, who="bob")
    answer = sprint.post("RenameCard", {"card": "c1", "title": "Log on"}, seen=5)
    problem = told(answer)
    assert (answer.status_code, problem["status"]) == (409, 409)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "urn:comity:problem:conflicted"
    assert "card renamed by bob at card/c1/title (version 6)" in problem["detail"]
    assert problem["report"]["rule"] == "reject"
    (change,) = problem["meanwhile"]
    assert (change["who"], change["version"], change["event"]) == ("bob", 6, "CardRenamed")
    assert change["fields"] == {"card": "c1", "title": "Log in"}


def test_who_has_read_the_explanation_may_do_it_anyway(sprint: Board) -> None:
    sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=5, who="bob")
    mine = {"card": "c1", "title": "Log on"}
    problem = told(sprint.post("RenameCard", mine, seen=5))
    body = sprint.done("RenameCard", mine, seen=problem["report"]["version"])
    assert (body["outcome"], body["version"]) == ("applied", 7)


def test_a_business_rule_is_a_problem_with_its_fields(sprint: Board) -> None:
    sprint.done("LimitColumn", {"column": "doing", "limit": 1}, seen=5)
    sprint.done("MoveCard", {"card": "c1", "column": "doing"}, seen=6, who="bob")
    answer = sprint.post("MoveCard", {"card": "c2", "column": "doing"}, seen=6)
    problem = told(answer)
    assert (answer.status_code, problem["type"]) == (422, "urn:comity:problem:rejected")
    assert problem["detail"] == "doing is full: its limit is 1"
    assert (problem["code"], problem["fields"]) == ("ColumnFull", {"column": "doing", "limit": 1})
    assert problem["report"]["decisive"]["version"] == 7
    assert [change["who"] for change in problem["meanwhile"]] == ["bob"]


def test_a_tabs_own_commands_never_clash_with_each_other(sprint: Board) -> None:
    for title in ("One", "Two", "Three"):
        body = sprint.done("RenameCard", {"card": "c1", "title": title}, seen=5, tab="tab-number-1")
        assert body["outcome"] == "applied"
    other = sprint.post("RenameCard", {"card": "c1", "title": "Four"}, seen=5, tab="tab-number-2")
    assert other.status_code == 409


def test_who_says_no_version_acts_on_todays_state(sprint: Board) -> None:
    sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, who="bob")
    for header in ({}, {"If-Match": "*"}):
        title = {"card": "c1", "title": f"Log on {header}"}
        body = sprint.done("RenameCard", title, headers=header)
        assert (body["outcome"], body["report"]["seen"]) == ("applied", None)


def test_the_same_key_again_gets_the_same_answer(sprint: Board) -> None:
    key = {"Idempotency-Key": "key-00001"}
    first = sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=5, headers=key)
    again = sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=5, headers=key)
    assert first == again
    assert first["id"] == "key-00001"
    reused = sprint.post("RenameCard", {"card": "c1", "title": "Log on"}, seen=5, headers=key)
    assert (reused.status_code, told(reused)["type"]) == (422, "urn:comity:problem:invalid")
    assert sprint.version == 6


def test_a_refusal_is_repeated_too(sprint: Board) -> None:
    sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=5, who="bob")
    mine, key = {"card": "c1", "title": "Log on"}, {"Idempotency-Key": "key-00002"}
    first = sprint.post("RenameCard", mine, seen=5, headers=key)
    again = sprint.post("RenameCard", mine, seen=5, headers=key)
    assert (first.status_code, told(first)) == (again.status_code, told(again))


def test_names_are_percent_encoded(sprint: Board) -> None:
    who = "Zo%C3%AB%20%E6%9D%8E"
    body = sprint.done("Upvote", {"card": "c1"}, who=who, tab="tab-of-zoe")
    assert body["sentence"].startswith("Zoë 李 wanted to upvote")


# --- what cannot be right -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "fields", "said"),
    [
        ("RenameCard", {"card": "c1"}, "title"),
        ("RenameCard", {"card": "c1", "title": 7}, "title"),
        ("RenameCard", {"card": "c1", "title": ""}, "title"),
        ("RenameCard", {"card": "c1", "title": SECRET * 20}, "title"),
        ("RenameCard", {"card": "c1", "title": "x", "password": SECRET}, "password"),
        ("RenameCard", [SECRET], ""),
        ("MoveCard", {"card": SECRET * 10, "column": "doing"}, "card"),
        ("AddCard", {"card": "c9", "number": 1 << 70, "title": "x"}, "number"),
        ("Upvote", {"card": "c1", "voter": SECRET}, "voter"),
        ("LimitColumn", {"column": "doing", "limit": 0}, "limit"),
        ("RenameCard", {str(n): SECRET for n in range(200)}, ""),
    ],
)
def test_wrong_fields_are_a_problem_that_tells_nothing_back(
    sprint: Board, command: str, fields: object, said: str
) -> None:
    answer = sprint.post(command, fields)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert told(answer)["type"] == "urn:comity:problem:invalid"
    assert said in told(answer)["detail"]
    assert SECRET not in answer.text
    assert len(answer.content) < 5_000


def test_a_body_that_is_no_json_or_too_large_is_refused(sprint: Board) -> None:
    def post(body: bytes, kind: str) -> httpx2.Response:
        headers = {"Content-Type": kind, "X-Person": "ann", "X-Session": "tab-of-ann"}
        return sprint.http.post(f"{sprint.path}/commands/RenameCard", content=body, headers=headers)

    assert post(b'{"card": "c1", ' + SECRET.encode(), "application/json").status_code == 422
    assert SECRET not in post(SECRET.encode(), "application/json").text
    assert post(b"\xff\xfe", "application/json").status_code == 422
    assert post(b'{"card": "c1", "title": "x"}', "text/plain").status_code == 415
    assert post(b'"' + b"x" * 20_000 + b'"', "application/json").status_code == 413
    assert sprint.version == 5


def test_a_version_that_nobody_can_have_seen_is_refused(sprint: Board) -> None:
    answer = sprint.post("RenameCard", {"card": "c1", "title": "x"}, seen=99)
    assert (answer.status_code, told(answer)["type"]) == (412, "urn:comity:problem:from-the-future")


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": "5"},
        {"If-Match": 'W/"5"'},
        {"If-Match": '"5", "6"'},
        {"If-Match": '"-1"'},
        {"Idempotency-Key": "short"},
        {"Idempotency-Key": "spaces are not fine"},
        {"X-Session": "short"},
        {"X-Session": f"tab {SECRET}"},
        {"X-Person": ""},
        {"X-Person": "x" * 50},
        {"X-Person": "%00%01"},
        {"X-Person": "%ff"},
    ],
)
def test_wrong_headers_are_a_problem(sprint: Board, headers: dict[str, str]) -> None:
    answer = sprint.post("RenameCard", {"card": "c1", "title": "x"}, headers=headers)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert SECRET not in answer.text


def test_who_says_not_who_they_are_is_refused(sprint: Board) -> None:
    answer = sprint.http.post(f"{sprint.path}/commands/RenameCard", json={})
    assert answer.status_code == 422
    assert "X-Person" in told(answer)["detail"] or "x-person" in told(answer)["detail"]


def test_what_is_not_there_is_a_problem(sprint: Board) -> None:
    answer = sprint.post("Explode", {})
    assert (answer.status_code, told(answer)["type"]) == (404, "urn:comity:problem:no-such-command")
    assert told(sprint.worker.get("/nothing"))["type"] == "urn:comity:problem:not-found"
    assert told(sprint.get("commands/MoveCard"))["status"] == 405


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (Busy("the inbox is full", 2.5), 503, "3"),
        (Closed(SECRET), 503, "1"),
        (DeciderFailed(SECRET), 503, "1"),
        (StorageFull(SECRET), 503, "1"),
        (NotReady("it is being built"), 503, "1"),
        (LedElsewhere("it is led in process 12"), 503, "1"),
        (Behind("it is behind", 7), 504, "1"),
        (OutcomeUnknown(SECRET), 504, None),
        (Invalid("that is no cursor"), 422, None),
        (JournalError(SECRET), 500, None),
    ],
)
def test_each_error_says_whether_to_come_again(
    error: ComityError, status: int, retry_after: str | None
) -> None:
    answer = problem_of(error).response()
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert SECRET.encode() not in answer.body
    assert json.loads(bytes(answer.body))["status"] == status


def test_what_a_problem_says_has_an_end() -> None:
    assert len(problem_of(Invalid("x" * 100_000)).response().body) < 2_000


# --- reading --------------------------------------------------------------------------------------


def test_a_page_goes_on_where_the_one_before_ended(sprint: Board) -> None:
    cards: list[str] = []
    page = told(sprint.get("cards?limit=2"))
    while True:
        cards += [row["card"] for row in page["cards"]]
        if page["next"] is None:
            break
        assert len(page["cards"]) == 2
        page = told(sprint.get(f"cards?limit=2&after={page['next']}"))
    assert cards == ["c1", "c2", "c3", "c4", "c5"]


def test_a_cursor_that_somebody_changed_is_refused(sprint: Board) -> None:
    cursor = told(sprint.get("cards?limit=2"))["next"]
    for wrong in ("", "x", SECRET, cursor[:-4], "A" * 1_900, "A" * 3_000):
        answer = sprint.get(f"cards?limit=2&after={wrong}")
        assert answer.status_code == 422, wrong
        assert len(answer.content) < 2_000
    other = sprint.get(f"cards?limit=2&column=todo&after={cursor}")
    assert (other.status_code, told(other)["type"]) == (422, "urn:comity:problem:invalid")
    assert Board(sprint.worker).get(f"cards?limit=2&after={cursor}").status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/boards/sprint/cards?limit=0",
        "/boards/sprint/cards?limit=many",
        "/boards/sprint/cards?wait=600",
        f"/boards/sprint/cards?column={'x' * 200}",
        f"/boards/{'x' * 200}/cards",
        "/boards/*/cards",
        "/boards/sprint/events?from_version=-1",
    ],
)
def test_wrong_questions_are_a_problem(worker: Worker, path: str) -> None:
    answer = worker.get(path)
    assert (answer.status_code, told(answer)["type"]) == (422, "urn:comity:problem:invalid")


def test_cards_of_a_column_and_of_a_person(sprint: Board) -> None:
    sprint.done("AssignCard", {"card": "c1", "assignee": "bob"})
    sprint.done("AssignCard", {"card": "c2", "assignee": "bob"})
    sprint.done("MoveCard", {"card": "c2", "column": "doing"})

    def asked(what: str) -> list[str]:
        return [row["card"] for row in told(sprint.get(f"cards?{what}"))["cards"]]

    assert asked("assignee=bob") == ["c2", "c1"]
    assert asked("column=doing") == ["c2"]
    assert asked("column=todo&assignee=bob") == ["c1"]
    assert asked("assignee=nobody") == []


def test_a_board_that_nothing_happened_to_is_empty(empty: Board) -> None:
    body = told(empty.get("cards"))
    assert (body["version"], body["cards"], body["next_number"]) == (0, [], 1)
    assert [one["column"] for one in body["columns"]] == ["todo", "doing", "done"]


@pytest.mark.parametrize("what", ["cards", "cards/c1/comments", "activity", "../../workload"])
def test_an_answer_that_the_client_has_is_not_sent_again(sprint: Board, what: str) -> None:
    first = sprint.get(what)
    tag, position = first.headers["ETag"], first.headers["Comity-Position"]
    assert re.fullmatch(r'"[0-9a-f]{8}-\d+"', tag)
    for known in (tag, f'W/{tag}, "other"', "*"):
        again = sprint.get(what, {"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["ETag"], again.headers["Comity-Position"]) == (tag, position)
    assert sprint.get(what, {"If-None-Match": '"other"'}).status_code == 200
    sprint.done("Upvote", {"card": "c1"})
    newer = sprint.get(what, {"If-None-Match": tag})
    assert (newer.status_code, newer.headers["ETag"] == tag) == (200, False)


def test_what_happens_to_another_board_changes_no_tag(sprint: Board) -> None:
    tag, other = sprint.get("cards").headers["ETag"], Board(sprint.worker)
    other.done("AddCard", {"card": "c1", "number": 1, "title": "Other"})
    again = sprint.get("cards", {"If-None-Match": tag, "After": str(other.position)})
    assert again.status_code == 304
    assert int(again.headers["Comity-Position"]) >= other.position


def test_comments_activity_and_workload(sprint: Board) -> None:
    sprint.done("AssignCard", {"card": "c1", "assignee": "dan"}, seen=5, who="bob")
    sprint.done("Comment", {"card": "c1", "comment": "a1", "text": "Hm"}, seen=5)
    sprint.done("MoveCard", {"card": "c1", "column": "done"}, seen=7)
    comments = told(sprint.get("cards/c1/comments"))["comments"]
    assert [(one["who"], one["text"]) for one in comments] == [("ann", "Hm")]
    changes = told(sprint.get("activity?limit=2"))
    assert [row["said"] for row in changes["changes"]] == [
        "moved #1 “Task 1” to done",
        "said of #1 “Task 1”: “Hm”",
    ]
    assert changes["changes"][1]["report"].endswith("meanwhile 1 change elsewhere: merged")
    older = told(sprint.get(f"activity?limit=2&after={changes['next']}"))
    assert [row["version"] for row in older["changes"]] == [6, 5]
    people = told(sprint.get("../../workload"))["people"]
    assert {"person": "dan", "to_do": 0, "done": 1} in people


def test_a_position_that_does_not_come_is_a_problem_unless_stale_is_fine(sprint: Board) -> None:
    never = {"After": str(sprint.position + 1_000)}
    here = int(sprint.get("cards").headers["Comity-Position"])
    answer = sprint.get("cards?wait=0.05", never)
    assert (answer.status_code, told(answer)["type"]) == (504, "urn:comity:problem:behind")
    assert (told(answer)["position"], answer.headers["Retry-After"]) == (here, "1")
    stale = sprint.get("cards?wait=0.05&stale=1", never)
    assert (stale.status_code, stale.headers["Comity-Position"]) == (200, str(here))


# --- streams --------------------------------------------------------------------------------------


def test_a_live_board_is_told_whole_and_then_what_changes(sprint: Board) -> None:
    assert sprint.version == 5
    with listening(sprint.http, f"{sprint.path}/live") as events:
        first = next(events)
        assert (first.event, data(first)["version"]) == ("board", 5)
        assert [row["card"] for row in data(first)["put"]] == ["c1", "c2", "c3", "c4", "c5"]
        sprint.done("MoveCard", {"card": "c2", "column": "doing"}, seen=5)
        second = next(events)
        assert (second.event, data(second)["version"], data(second)["gone"]) == ("change", 6, [])
        assert [(row["card"], row["column"]) for row in data(second)["put"]] == [("c2", "doing")]
        sprint.done("RemoveCard", {"card": "c3"}, seen=6)
        third = next(events)
        assert (data(third)["put"], data(third)["gone"]) == ([], ["c3"])
        sprint.done("LimitColumn", {"column": "doing", "limit": 9}, seen=7)
        fourth = next(events)
        assert (data(fourth)["put"], data(fourth)["gone"]) == ([], [])
        assert {"column": "doing", "limit": 9} in data(fourth)["columns"]
        assert third.id != fourth.id == sprint.get("cards").headers["ETag"]


def test_many_changes_at_once_arrive_at_the_newest_state(sprint: Board) -> None:
    with listening(sprint.http, f"{sprint.path}/live") as events:
        for number in range(30):
            sprint.done("RenameCard", {"card": "c1", "title": f"Task {number}"})
        version, title = 0, ""
        while version < 35:
            frame = data(next(events))
            assert frame["version"] > version
            version = frame["version"]
            title = next(row["title"] for row in frame["put"] if row["card"] == "c1")
        assert title == "Task 29"


def test_who_comes_back_with_what_they_have_is_told_only_what_is_new(sprint: Board) -> None:
    tag = sprint.get("cards").headers["ETag"]
    with listening(sprint.http, f"{sprint.path}/live", tag) as events:
        sprint.done("RemoveCard", {"card": "c3"}, seen=5)
        only = next(events)
        assert (only.event, data(only)["gone"], data(only)["put"]) == ("change", ["c3"], [])
    with listening(sprint.http, f"{sprint.path}/live", tag) as events:
        again = next(events)
        assert (again.event, len(data(again)["put"])) == ("board", 4)


def test_a_live_board_may_begin_empty(empty: Board) -> None:
    with listening(empty.http, f"{empty.path}/live") as events:
        assert data(next(events))["put"] == []
        empty.done("AddCard", {"card": "c1", "number": 1, "title": "First"})
        assert [row["title"] for row in data(next(events))["put"]] == ["First"]


def test_events_come_from_any_version_on_and_go_on_where_they_broke_off(sprint: Board) -> None:
    with listening(sprint.http, f"{sprint.path}/events?from_version=3") as events:
        assert [(next(events).id, next(events).id)] == [("4", "5")]
        sprint.done("RenameCard", {"card": "c1", "title": "Log in"}, seen=4)
        renamed = next(events)
    assert (renamed.id, renamed.event) == ("6", "CardRenamed")
    body = data(renamed)
    assert (body["who"], body["fields"]) == ("ann", {"card": "c1", "title": "Log in"})
    assert "tab-of-ann" not in renamed.data
    with listening(sprint.http, f"{sprint.path}/events?from_version=3", "5") as events:
        assert next(events).id == "6"
    answer = sprint.get("events", {"Last-Event-ID": "x"})
    assert answer.status_code == 422


def test_a_stream_ends_with_its_client_and_there_are_only_so_many(tmp_path: Path) -> None:
    with serving(tmp_path / "team.db") as worker:
        worker.app.state.streams = Streams(2)
        with (
            listening(worker.http, "/boards/a/live"),
            listening(worker.http, "/boards/a/events"),
        ):
            eventually(lambda: len(worker.streams) == 2)
            answer = worker.get("/boards/a/live")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        eventually(lambda: len(worker.streams) == 0)


def test_streams_end_when_the_server_does(tmp_path: Path) -> None:
    with serving(tmp_path / "team.db") as worker, listening(worker.http, "/boards/a/live") as live:
        next(live)
        worker.streams.close()
        assert list(live) == []
        assert worker.get("/boards/a/live").status_code == 503


def test_who_hears_nothing_is_told_that_the_line_is_alive(
    empty: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    with empty.http.stream("GET", f"{empty.path}/live") as answer:
        lines = (line for line in answer.iter_lines() if line.startswith(":"))
        assert [next(lines), next(lines)] == [": ping", ": ping"]


def test_a_page_is_told_of_so_many_cards_and_how_many_there_are_more(
    sprint: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.web.screen.MOST", 3)
    with listening(sprint.http, f"{sprint.path}/live") as events:
        first = data(next(events))
        assert [row["card"] for row in first["put"]] == ["c1", "c2", "c3"]
        assert first["left_out"] == 2
        sprint.done("RemoveCard", {"card": "c1"}, seen=5)
        second = next(events)
        assert (second.event, data(second)["left_out"]) == ("board", 1)
        assert [row["card"] for row in data(second)["put"]] == ["c2", "c3", "c4"]
        sprint.done("RemoveCard", {"card": "c2"}, seen=6)
        third = next(events)
        assert (third.event, data(third)["left_out"]) == ("board", 0)
        sprint.done("RemoveCard", {"card": "c3"}, seen=7)
        assert data(next(events))["gone"] == ["c3"]


# --- several workers, in processes of their own ---------------------------------------------------


def at_version(live: Iterator[httpx2.ServerSentEvent], version: int) -> Told:
    """The frame with which a page shows this version."""
    return next(frame for frame in map(data, live) if frame["version"] == version)


def test_a_worker_answers_with_what_another_has_just_receipted(workers: Workers) -> None:
    one, other = workers.each().values()
    for number in range(1, 11):
        card = {"card": f"c{number}", "number": number, "title": "Task"}
        said = one.post("/boards/own/commands/AddCard", json=card, headers=ANN)
        position = said.headers["Comity-Position"]
        answer = other.get("/boards/own/cards", headers={"After": position})
        assert len(told(answer)["cards"]) == number
        assert int(answer.headers["Comity-Position"]) >= int(position)
        assert answer.headers["Worker"] != said.headers["Worker"]
        one, other = other, one


def test_pages_of_two_workers_hear_of_each_others_changes(workers: Workers) -> None:
    one, other = workers.each().values()
    with (
        listening(one, "/boards/live/live") as ones,
        listening(other, "/boards/live/live") as others,
        listening(one, "/boards/live/events") as events,
    ):
        assert data(next(ones))["version"] == data(next(others))["version"] == 0
        for number, worker in enumerate((one, other), 1):
            card = {"card": f"c{number}", "number": number, "title": f"Task {number}"}
            worker.post("/boards/live/commands/AddCard", json=card, headers=ANN)
            for heard in (ones, others):
                assert f"c{number}" in [row["card"] for row in at_version(heard, number)["put"]]
            assert next(events).id == str(number)


def test_a_retry_at_another_worker_gets_the_same_answer(workers: Workers) -> None:
    card = {"card": "c1", "number": 1, "title": "Once"}
    once = ANN | {"Idempotency-Key": "the-same-key"}
    said = [
        told(worker.post("/boards/once/commands/AddCard", json=card, headers=once))
        for worker in workers.each().values()
    ]
    assert said[0] == said[1]
    assert said[0]["version"] == 1


def test_what_clashes_with_another_workers_change_is_a_problem_that_says_so(
    workers: Workers,
) -> None:
    one, other = workers.each().values()
    card = {"card": "c1", "number": 1, "title": "Pay"}
    one.post("/boards/clash/commands/AddCard", json=card, headers=ANN)
    title = {"card": "c1", "title": "Pay by card"}
    path = "/boards/clash/commands/RenameCard"
    assert one.post(path, json=title, headers=ANN | {"If-Match": '"1"'}).status_code == 200
    bob = {"X-Person": "bob", "X-Session": "tab-of-bob", "If-Match": '"1"'}
    answer = other.post(path, json={"card": "c1", "title": "Pay in cash"}, headers=bob)
    assert answer.status_code == 409
    assert [one["fields"]["title"] for one in told(answer)["meanwhile"]] == ["Pay by card"]


def test_what_only_a_leader_can_do_is_refused_elsewhere_on_a_connection_that_ends(
    workers: Workers,
) -> None:
    def asked() -> list[httpx2.Response]:
        answers = [worker.post("/chat/again") for worker in workers.each().values()]
        return sorted(answers, key=lambda answer: answer.status_code)

    eventually(lambda: [answer.status_code for answer in asked()] == [204, 503])
    refused = asked()[1]
    assert told(refused)["type"] == "urn:comity:problem:led-elsewhere"
    assert refused.headers["Connection"] == "close"


def test_the_foot_of_a_page_is_told_who_leads_what(workers: Workers) -> None:
    def asked() -> list[Told]:
        return [told(worker.get("/workers")) for worker in workers.each().values()]

    eventually(lambda: asked()[0] == asked()[1])
    said = asked()
    led = [name for process in said[0]["processes"] for name in process["leads"]]
    assert sorted(led) == [
        "Activity",
        "Cards",
        "Closings",
        "Workload",
        "outlet Posts",
        "process closing",
    ]


def test_the_app_answers_its_own_page_alone(workers: Workers) -> None:
    with httpx2.Client(base_url=workers.origin, timeout=SOON) as http:
        for origin in ("http://127.0.0.1:1", "https://example.com", "null"):
            there = http.get("/workload", headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in there.headers
        assert http.get("/workload", headers={"Host": "example.com"}).status_code == 400


# --- the page -------------------------------------------------------------------------------------


def test_the_page_lets_nothing_in_but_its_own_script_and_style(worker: Worker) -> None:
    for path in ("/", "/closing"):
        page = worker.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self';" in policy
        assert "unsafe" not in policy
        inline = r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://"
        assert not re.search(inline, page.text)
    for name in get_args(Part):
        part = worker.get(f"/static/{name}")
        assert ("css" if name.endswith("css") else "javascript") in part.headers["Content-Type"]
        assert part.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("index.html", "..%2Fpage.py", "../page.py"):
        assert worker.get(f"/static/{name}").status_code in {404, 422}


@pytest.mark.parametrize("script", sorted(STATIC.glob("*.js")), ids=lambda script: script.name)
def test_a_script_sets_text_as_text(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


# --- starting and ending --------------------------------------------------------------------------


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=lambda by: by.name)
def test_a_signal_ends_all_workers_though_somebody_listens(
    tmp_path: Path, by: signal.Signals
) -> None:
    path = tmp_path / "team.db"
    with several(path) as workers, ExitStack() as stack:
        streams = [
            stack.enter_context(listening(http, f"/boards/sprint-42/{what}"))
            for http in workers.each().values()
            for what in ("live", "events")
        ]
        for live, events in (streams[:2], streams[2:]):
            at_version(live, 5)
            assert [next(events).id for _ in range(5)] == ["1", "2", "3", "4", "5"]
        workers.process.send_signal(by)
        assert [list(stream) for stream in streams] == [[]] * 4
        rest, errors = workers.process.communicate(timeout=60)
    assert (workers.process.returncode, rest, errors) == (0, "Stopped.\n", "")
    with Domain.open(path, deciders=[board], read_models=[Cards]) as domain:
        assert domain.aggregate(board, "sprint-42").version == 5


def test_a_worker_that_is_killed_is_started_again_and_the_others_go_on(tmp_path: Path) -> None:
    with several(tmp_path / "team.db") as workers:
        (killed, _), (stays, http) = workers.each().items()
        with listening(http, "/boards/sprint-42/live") as live:
            at_version(live, 5)
            workers.kill(killed)
            title = {"card": "c1", "title": "Log in again"}
            path = "/boards/sprint-42/commands/RenameCard"
            assert http.post(path, json=title, headers=ANN).status_code == 200
            assert at_version(live, 6)["put"][0]["title"] == "Log in again"
        eventually(lambda: len(set(workers.running()) - {killed}) == 2)
        new = next(client for pid, client in workers.each().items() if pid != stays)
        eventually(lambda: told(new.get("/boards/sprint-42/cards")).get("version") == 6)


@pytest.mark.parametrize("wrong", ["a taken port", "no journal"])
def test_what_is_wrong_at_the_start_is_said_without_a_traceback(tmp_path: Path, wrong: str) -> None:
    path, port = tmp_path / "team.db", "0"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        if wrong == "no journal":
            path.write_text("something else")
        else:
            port = str(taken.getsockname()[1])
        words = [sys.executable, "-m", "examples.web", str(path), "--port", port]
        ran = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.strip()
    assert ("use --port 0 for any free port" in ran.stderr) == (wrong == "a taken port")


def test_a_port_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from examples.web.__main__ import parse  # noqa: PLC0415 - a program, and not a module

    with pytest.raises(SystemExit):
        parse(["--port", "99999"])
    assert "expected a port from 1 to 65535" in capsys.readouterr().err


def test_what_is_not_installed_is_said_with_how_to_have_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from examples.web import __main__ as program  # noqa: PLC0415 - a program, and not a module

    def found(name: str) -> object:
        return None if name == "uvicorn" else name

    monkeypatch.setattr(program, "find_spec", found)
    assert program.main([]) == 1
    told = capsys.readouterr().err
    assert told == (
        'uvicorn must be installed: ./scripts/install does it, or pip install ".[web]"\n'
    )


def test_cards_are_only_put_on_a_board_that_never_had_any(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "team.db", deciders=[board]) as domain:
        sprint = domain.aggregate(board, "sprint-42")
        sprint.send(AddCard(card="mine", number=1, title="Mine")).result(60)
    from examples.web.__main__ import add_cards  # noqa: PLC0415 - a program, and not a module

    add_cards(tmp_path / "team.db")
    with Domain.open(tmp_path / "team.db", deciders=[board]) as domain:
        assert set(domain.aggregate(board, "sprint-42").look().state.cards) == {"mine"}
