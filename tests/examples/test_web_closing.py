"""The closing of a sprint over HTTP: what can be done, what cannot and why, and what is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import httpx2
import pytest
from examples.sprint.outlets import Posts
from tests.support.web import Board, Told, Worker, data, listening, serving, told

from comity.actors import Domain


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("web") / "team.db") as worker:
        worker.http.put("/chat/weather", json="up")
        yield worker


@pytest.fixture
def closing(worker: Worker) -> Board:
    """A sprint with two open cards that ann has begun to close, at version 3."""
    board = Board(worker)
    for number, title in enumerate(("Pay", "Ship"), 1):
        board.done("AddCard", {"card": f"c{number}", "number": number, "title": title})
    board.done("CloseSprint", {"into": f"{board.path.rpartition('/')[2]}-next"})
    return board


def previews(board: Board, *wanted: tuple[str, Told], seen: int, who: str = "ann") -> list[Told]:
    headers = {"X-Person": who, "X-Session": f"tab-of-{who}", "If-Match": f'"{seen}"'}
    body = [{"command": command, "fields": fields} for command, fields in wanted]
    answer = board.http.post(f"{board.path}/previews", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return cast("list[Told]", told(answer)["previews"])


def decide_all(board: Board) -> None:
    board.done("DecideCard", {"card": "c1", "fate": "carry"})
    board.done("DecideCard", {"card": "c2", "fate": "done"})
    board.done("NameReviewer", {"reviewer": "dan"})


FREEZE: tuple[str, Told] = ("FreezeBoard", {})
NAME_EVE: tuple[str, Told] = ("NameReviewer", {"reviewer": "eve"})
PUBLISH: tuple[str, Told] = ("PublishSummary", {"text": "All done."})


# --- what can be done -----------------------------------------------------------------------------


def test_a_page_learns_what_can_be_done_and_why_not(closing: Board) -> None:
    freeze, name, publish = previews(closing, FREEZE, NAME_EVE, PUBLISH, seen=3)
    assert (name["can"], name["why"]) == (True, None)
    assert (freeze["can"], freeze["why"]) == (False, "decide what becomes of #1 and #2 first")
    assert publish["why"] == "freeze the board first"
    assert freeze["sentence"].startswith("ann wanted to freeze board on version 3: rejected (")
    assert closing.version == 2  # nothing was done, and the cards' model has two events


def test_what_others_did_since_the_version_on_the_screen_is_named(closing: Board) -> None:
    closing.done("NameReviewer", {"reviewer": "dan"}, who="bob")
    name, other = previews(
        closing, NAME_EVE, ("DecideCard", {"card": "c1", "fate": "drop"}), seen=3
    )
    assert (name["outcome"], name["can"]) == ("conflicted", False)
    assert name["why"] == "reviewer named by bob at reviewer (version 4)"
    assert (other["outcome"], other["can"]) == ("merged", True)
    (again,) = previews(closing, NAME_EVE, seen=name["version"])
    assert again["can"]


def test_what_can_be_done_depends_on_the_person(closing: Board) -> None:
    decide_all(closing)
    closing.done("FreezeBoard", {})
    drafted(closing)
    for who, can in (("ann", False), ("dan", True)):
        (publish,) = previews(
            closing, PUBLISH, seen=told(closing.get("closing"))["version"], who=who
        )
        assert publish["can"] == can
    add: tuple[str, Told] = ("AddCard", {"card": "c9", "number": 3, "title": "More"})
    (late,) = previews(closing, add, seen=6)
    assert late["why"].startswith("the board is frozen: ann froze it when the sprint was closed")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([{"command": "FreezeBoard"}] * 100, 200),
        ([{"command": "FreezeBoard"}] * 101, 422),
        ([{"command": "Explode"}], 404),
        ([{"command": "DraftSummary", "fields": {"text": "x"}}], 404),
        ([{"command": "NameReviewer", "fields": {"reviewer": ""}}], 422),
        ([{"command": "NameReviewer", "fields": {"reviewer": "x" * 101}}], 422),
        ([{"command": "FreezeBoard", "more": 1}], 422),
        ({"command": "FreezeBoard"}, 422),
        ("FreezeBoard", 422),
        ([], 200),
    ],
)
def test_wrong_questions_are_a_problem(worker: Worker, body: object, status: int) -> None:
    headers = {"X-Person": "ann", "X-Session": "tab-of-ann"}
    answer = worker.http.post("/boards/any/previews", json=body, headers=headers)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_people_do_not_send_what_the_process_orders(closing: Board) -> None:
    for command in ("DraftSummary", "CarryOver", "Remind"):
        assert closing.post(command, {}).status_code == 404


# --- two at once ----------------------------------------------------------------------------------


def test_the_second_of_two_reviewers_is_told_of_the_first(closing: Board) -> None:
    closing.done("NameReviewer", {"reviewer": "dan"}, who="bob", seen=3)
    answer = closing.post("NameReviewer", {"reviewer": "eve"}, seen=3)
    assert answer.status_code == 409
    (change,) = told(answer)["meanwhile"]
    assert (change["who"], change["fields"]) == ("bob", {"reviewer": "dan"})
    closing.done(*NAME_EVE, seen=told(answer)["report"]["version"])


def test_a_decision_about_a_card_of_a_board_that_was_frozen_is_refused(closing: Board) -> None:
    decide_all(closing)
    closing.done("FreezeBoard", {}, who="bob", seen=6)
    answer = closing.post("AddCard", {"card": "c3", "number": 3, "title": "Late"}, seen=6)
    problem = told(answer)
    assert (answer.status_code, problem["code"]) == (422, "BoardIsFrozen")
    assert problem["detail"] == "the board is frozen: bob froze it when the sprint was closed"
    assert [change["event"] for change in problem["meanwhile"]] == ["BoardFrozen"]


# --- what is shown --------------------------------------------------------------------------------


def test_the_closing_is_read_with_its_cards(closing: Board) -> None:
    closing.done("DecideCard", {"card": "c2", "fate": "drop"}, who="bob")
    answer = closing.get("closing")
    body = told(answer)
    assert (body["stage"], body["version"], body["undecided"]) == ("closing", 4, 1)
    assert [(card["title"], card["fate"], card["decided_by"]) for card in body["cards"]] == [
        ("Pay", None, ""),
        ("Ship", "drop", "bob"),
    ]
    assert closing.get("closing", {"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_process_leads_to_the_end_and_the_outlet_tells_the_chat(closing: Board) -> None:
    with listening(closing.http, f"{closing.path}/closing/live") as events:
        until_work(events, lambda work: work["process"]["step"] == "cards")
        decide_all(closing)
        until_work(events, lambda work: work["process"]["step"] == "freeze")
        closing.done("FreezeBoard", {})
        waits = until_work(events, lambda work: work["process"]["step"] == "publish")
        assert waits["process"]["timer"]
        closing.done(*PUBLISH, who="dan")
        over = until_work(
            events, lambda work: work["process"]["step"] == "over" and work["chat"]["posts"]
        )
        assert over["chat"]["posts"] == ["All done."]
    into = told(closing.get("closing"))["into"]
    cards = told(closing.http.get(f"/boards/{into}/cards"))["cards"]
    assert [card["title"] for card in cards] == ["Pay"]


def test_a_chat_that_is_down_keeps_nobody_waiting(closing: Board) -> None:
    decide_all(closing)
    closing.done("FreezeBoard", {})
    drafted(closing)
    with listening(closing.http, f"{closing.path}/closing/live") as events:
        try:
            assert closing.http.put("/chat/weather", json="down").status_code == 204
            closing.done(*PUBLISH, who="dan")
            down = until_work(events, lambda work: work["outlet"]["waiting"] > 0)
            assert "the chat does not answer" in down["outlet"]["error"]
            assert down["chat"]["posts"] == []
        finally:
            closing.http.put("/chat/weather", json="changing")
        until_work(events, lambda work: work["chat"]["posts"])
    assert closing.http.put("/chat/weather", json="sunny").status_code == 422
    closing.http.put("/chat/weather", json="up")


def test_what_is_parked_is_posted_when_somebody_says_so(
    closing: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide_all(closing)
    closing.done("FreezeBoard", {})
    drafted(closing)
    outlet = cast("Domain", closing.worker.app.state.domain).outlet(Posts)
    monkeypatch.setattr(outlet.outlet, "tries", 1)
    with listening(closing.http, f"{closing.path}/closing/live") as events:
        closing.http.put("/chat/weather", json="down")
        closing.done(*PUBLISH, who="dan")
        until_work(events, lambda work: work["outlet"]["parked"] == 1)
        closing.http.put("/chat/weather", json="up")
        assert closing.http.post("/chat/again").status_code == 204
        until_work(events, lambda work: work["chat"]["posts"])


def test_where_a_person_is_outlives_the_program(tmp_path: Path) -> None:
    with serving(tmp_path / "team.db") as worker:
        board = Board(worker)
        board.done("AddCard", {"card": "c1", "number": 1, "title": "Pay"})
        board.done("CloseSprint", {"into": "next"})
        board.done("DecideCard", {"card": "c1", "fate": "carry"})
    with (
        serving(tmp_path / "team.db") as again,
        listening(again.http, f"{board.path}/closing/live") as events,
    ):
        until_work(events, lambda work: work["process"]["step"] == "reviewer")


def until_work(events: Iterator[httpx2.ServerSentEvent], holds: Callable[[Told], object]) -> Told:
    """Wait for a frame that says that something is so at work."""
    while True:
        event = next(events)
        if event.event == "work" and holds(data(event)):
            return data(event)


def drafted(board: Board) -> None:
    with listening(board.http, f"{board.path}/closing/live") as events:
        while not data(next(events)).get("draft"):
            pass
