"""Two people at one board, each in a real browser window that another worker serves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.support.browsing import BROWSES, FOR_DOCS, SOON, BrowserWindow, chromium, picture
from tests.support.web import Workers, several

PICTURE = "two-windows.png"
BACKLOG = ("Log in", "Sign up", "Pay", "Ship", "Celebrate")
names = itertools.count(1)

pytestmark = BROWSES


class Window(BrowserWindow):
    """One person's window on a board."""

    def card(self, title: str) -> Locator:
        by_title = self.page.get_by_role("button", name=title, exact=True)
        return self.page.locator("article.card", has=by_title)

    def column(self, name: str) -> Locator:
        return self.page.locator(f'.column[data-column="{name}"]')

    def rename(self, title: str, new: str) -> None:
        self.card(title).locator(".title").click()
        self.type("The card's title", new)

    def assign(self, title: str, who: str) -> None:
        self.card(title).locator(".assignee").click()
        self.type("Who does it; empty: nobody", who)

    def type(self, label: str, text: str) -> None:
        field = self.page.get_by_label(label)
        field.fill(text)
        field.press("Enter")

    def move(self, title: str, to: str) -> None:
        card = self.card(title)
        card.hover()
        card.get_by_role("button", name=f"to {to}").click()

    def remove(self, title: str) -> None:
        self.card(title).hover()
        self.card(title).get_by_role("button", name="Remove").click()

    def hold(self) -> None:
        self.page.get_by_role("switch", name="Hold my screen").click()

    def shows(self, *titles: str, within: str = "") -> None:
        place = self.column(within) if within else self.page.locator("main")
        expect(place.locator(".card .title")).to_have_text(list(titles), timeout=SOON)


class Team:
    """ann's window and bob's on one board; `apart`: different workers keep them up to date."""

    def __init__(
        self, browser: Browser, workers: Workers, board: str = "", *, apart: bool = False
    ) -> None:
        self.board = board or f"board-{next(names)}"
        self.origin = workers.origin
        if not board:
            for number, title in enumerate(BACKLOG, 1):
                self.post("AddCard", {"card": f"c{number}", "number": number, "title": title})
        url = f"{workers.origin}/?board={self.board}&me="
        self.ann = Window(browser, f"{url}ann")
        self.bob = Window(browser, f"{url}bob")
        while apart and self.bob.worker() == self.ann.worker():  # the system chose the same one
            self.bob.close()
            self.bob = Window(browser, f"{url}bob")
        self.ann.shows(*BACKLOG)
        self.bob.shows(*BACKLOG)

    def post(self, command: str, fields: object) -> None:
        headers = {"X-Person": "somebody", "X-Session": "before-the-story"}
        url = f"{self.origin}/boards/{self.board}/commands/{command}"
        httpx2.post(url, json=fields, headers=headers, timeout=SOON / 1000).raise_for_status()

    def close(self) -> None:
        self.ann.close()
        self.bob.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with several(tmp_path_factory.mktemp("web") / "team.db") as workers:
        yield workers


@pytest.fixture
def team(browser: Browser, workers: Workers) -> Iterator[Team]:
    team = Team(browser, workers)
    yield team
    team.close()


@pytest.fixture
def apart(browser: Browser, workers: Workers) -> Iterator[Team]:
    team = Team(browser, workers, apart=True)
    yield team
    team.close()


# --- live -----------------------------------------------------------------------------------------


def test_what_one_does_appears_in_the_window_that_another_worker_serves(apart: Team) -> None:
    ann, bob = apart.ann, apart.bob
    ann.rename("Log in", "Log in with a passkey")
    bob.shows("Log in with a passkey", *BACKLOG[1:])
    bob.move("Pay", "doing")
    ann.shows("Pay", within="doing")
    bob.assign("Ship", "bob")
    expect(ann.card("Ship").locator(".assignee")).to_contain_text("bob", timeout=SOON)
    ann.card("Ship").locator(".vote").click()
    expect(bob.card("Ship").locator(".vote")).to_have_text("1", timeout=SOON)
    ann.page.locator('.column[data-column="done"] .add').click()
    ann.type("A card in done", "Rest")
    bob.shows("Rest", within="done")
    bob.remove("Celebrate")
    ann.shows("Log in with a passkey", "Sign up", "Ship", "Pay", "Rest")
    activity = ann.page.locator("#activity li").first
    expect(activity).to_contain_text("bob removed #5 “Celebrate”", timeout=SOON)
    expect(ann.page.locator("#workload")).to_contain_text("bob", timeout=SOON)


def test_a_card_is_dragged_to_a_column(team: Team) -> None:
    team.ann.card("Pay").drag_to(team.ann.column("done"))
    team.bob.shows("Pay", within="done")


def test_people_talk_under_a_card(team: Team) -> None:
    for window in (team.ann, team.bob):
        window.card("Pay").locator(".talk").click()
    say = team.ann.card("Pay").get_by_label("Say something")
    say.fill("With which card?")
    say.press("Enter")
    heard = team.bob.card("Pay").locator(".comments li")
    expect(heard).to_have_text(["ann With which card?"], timeout=SOON)


def test_text_stays_text(team: Team) -> None:
    evil = "<img src=x onerror=alert(1)><b>Pay</b>"
    team.ann.rename("Pay", evil)
    expect(team.bob.card(evil).locator(".title")).to_have_text(evil, timeout=SOON)
    assert team.bob.page.locator("main img").count() == 0


def test_the_keyboard_is_enough(team: Team) -> None:
    keys = team.ann.page.keyboard
    team.ann.card("Pay").locator(".title").focus()
    keys.press("Enter")
    keys.type("Forget me")
    keys.press("Escape")
    expect(team.ann.card("Pay").locator(".title")).to_be_focused(timeout=SOON)
    keys.press("Enter")
    keys.type("Pay by card")
    keys.press("Enter")
    team.bob.shows("Log in", "Sign up", "Pay by card", "Ship", "Celebrate")
    right = team.ann.card("Pay by card").locator(".right")
    for _ in range(6):  # past the person, the votes and the comments
        keys.press("Tab")
        if right.evaluate("button => button === document.activeElement"):
            break
    keys.press("Enter")
    team.bob.shows("Pay by card", within="doing")


# --- with old views -------------------------------------------------------------------------------


def test_what_is_done_on_a_held_screen_is_merged(team: Team) -> None:
    ann, bob = team.ann, team.bob
    ann.hold()
    expect(ann.page.locator("#banner")).to_contain_text("held at version 5", timeout=SOON)
    bob.rename("Log in", "Log in with a passkey")
    bob.shows("Log in with a passkey", *BACKLOG[1:])
    ann.shows(*BACKLOG)
    ann.move("Log in", "doing")
    note = ann.card("Log in").locator(".note")
    expect(note).to_have_text("Merged with a change that you had not seen.", timeout=SOON)
    expect(ann.page.locator("#standing")).to_contain_text("Held · version 5", timeout=SOON)
    for window in (bob, ann):
        if window is ann:
            ann.hold()
        window.shows("Log in with a passkey", within="doing")
    story = ann.page.locator("#activity li").first
    expect(story).to_contain_text("ann wanted to move card on version 5", timeout=SOON)


def test_both_screens_may_be_held_at_different_workers(apart: Team) -> None:
    ann, bob = apart.ann, apart.bob
    ann.hold()
    bob.hold()
    ann.move("Pay", "doing")
    bob.rename("Pay", "Pay by card")
    bob.assign("Ship", "bob")
    ann.card("Ship").locator(".vote").click()
    ann.page.locator('.column[data-column="todo"] .add').click()
    ann.type("A card in todo", "ann's")
    bob.page.locator('.column[data-column="todo"] .add').click()
    bob.type("A card in todo", "bob's")
    expect(bob.card("bob's")).to_contain_text("ann took the number meanwhile", timeout=SOON)
    expect(bob.card("bob's").locator(".number")).to_have_text("#7")
    ann.hold()
    bob.hold()
    for window in (ann, bob):
        window.shows("Log in", "Sign up", "Ship", "Celebrate", "ann's", "bob's", within="todo")
        window.shows("Pay by card", within="doing")
        expect(window.card("Ship").locator(".assignee")).to_contain_text("bob", timeout=SOON)
        expect(window.card("Ship").locator(".vote")).to_have_text("1", timeout=SOON)


def clash_over_a_title(team: Team) -> Locator:
    team.ann.hold()
    team.bob.rename("Log in", "Log in with a passkey")
    team.bob.shows("Log in with a passkey", *BACKLOG[1:])
    team.ann.rename("Log in", "Log in with a password")
    clash = team.ann.page.locator(".clash")
    expect(clash).to_be_visible(timeout=SOON)
    return clash


def test_a_clash_is_explained_next_to_its_card(team: Team) -> None:
    clash = clash_over_a_title(team)
    expect(clash.locator("h3")).to_have_text("bob changed this, too")
    wish, theirs, rule = (clash.locator(one) for one in (".wish", ".meanwhile", ".rule"))
    expect(wish).to_have_text("rename it to “Log in with a password”, looking at version\xa05")
    expect(theirs).to_have_text("bob renamed it to “Log in with a passkey” (version\xa06)")
    expect(rule).to_contain_text("reject")
    expect(team.ann.card("Log in").locator(".clash")).to_be_visible()


def test_keeping_theirs_shows_it_and_sends_nothing(team: Team) -> None:
    clash = clash_over_a_title(team)
    clash.get_by_role("button", name="Keep theirs").click()
    expect(clash).to_have_count(0)
    team.ann.shows("Log in with a passkey", *BACKLOG[1:])
    team.ann.hold()
    expect(team.ann.page.locator("#standing")).to_contain_text("Live · version 6", timeout=SOON)


def test_doing_mine_anyway_does_it(team: Team) -> None:
    clash = clash_over_a_title(team)
    clash.get_by_role("button", name="Do mine anyway").click()
    expect(clash).to_have_count(0)
    for window in (team.ann, team.bob):
        window.shows("Log in with a password", *BACKLOG[1:])
    team.ann.rename("Log in with a password", "Log in")  # what was explained is not asked again
    team.bob.shows(*BACKLOG)


def test_mine_anyway_clashes_again_when_there_is_something_new_again(team: Team) -> None:
    clash = clash_over_a_title(team)
    team.bob.rename("Log in with a passkey", "Log in by mail")
    team.bob.shows("Log in by mail", *BACKLOG[1:])
    clash.get_by_role("button", name="Do mine anyway").click()
    theirs = "bob renamed it to “Log in by mail” (version\xa07)"
    expect(clash.locator(".meanwhile")).to_have_text(theirs, timeout=SOON)
    clash.get_by_role("button", name="Do mine anyway").click()
    team.bob.shows("Log in with a password", *BACKLOG[1:])


def test_what_comes_while_somebody_types_counts_as_not_seen(team: Team) -> None:
    team.ann.card("Pay").locator(".title").click()
    team.bob.rename("Pay", "Pay by card")
    expect(team.ann.page.locator("#standing")).to_contain_text("version 6", timeout=SOON)
    team.ann.type("The card's title", "Pay in cash")
    theirs = team.ann.card("Pay by card").locator(".clash .meanwhile")
    expect(theirs).to_contain_text("bob renamed it to “Pay by card”", timeout=SOON)


def test_what_was_typed_into_a_card_that_went_away_is_not_lost(team: Team) -> None:
    team.ann.card("Pay").locator(".title").click()
    team.ann.page.get_by_label("The card's title").fill("Pay in cash")
    team.bob.remove("Pay")
    clash = team.ann.page.locator("#elsewhere .clash")
    expect(clash).to_contain_text("rename it to “Pay in cash”", timeout=SOON)
    expect(clash).to_contain_text("bob removed it")


def test_a_rule_that_somebody_else_made_true_is_explained(team: Team) -> None:
    ann, bob = team.ann, team.bob
    ann.hold()
    for title in ("Sign up", "Pay", "Ship"):
        bob.move(title, "doing")
    bob.shows("Sign up", "Pay", "Ship", within="doing")
    ann.move("Log in", "doing")
    clash = ann.card("Log in").locator(".clash")
    expect(clash.locator(".rule")).to_have_text("doing is full: its limit is 3", timeout=SOON)
    expect(clash.locator("h3")).to_have_text("bob came first")
    theirs = "bob moved #4 “Ship” to doing (version\xa08)"
    expect(clash.locator(".meanwhile")).to_have_text(theirs)
    clash.get_by_role("button", name="All right").click()
    expect(clash).to_have_count(0)


def test_removing_gives_way_and_says_so(team: Team) -> None:
    team.ann.hold()
    team.bob.card("Pay").locator(".talk").click()
    say = team.bob.card("Pay").get_by_label("Say something")
    say.fill("Wait!")
    say.press("Enter")
    expect(team.bob.card("Pay").locator(".talk")).to_have_text("1", timeout=SOON)
    team.ann.remove("Pay")
    note = team.ann.card("Pay").locator(".note")
    expect(note).to_contain_text("Not done: card commented by bob meanwhile", timeout=SOON)
    team.ann.hold()
    team.ann.shows(*BACKLOG)


# --- when a worker goes away ----------------------------------------------------------------------


def test_a_page_goes_on_with_another_worker(browser: Browser, tmp_path: Path) -> None:
    with several(tmp_path / "team.db") as workers:
        team = Team(browser, workers, apart=True)
        ann, bob, killed = team.ann, team.bob, team.ann.worker()
        workers.kill(killed)
        bob.rename("Pay", "Pay by card")
        for window in (ann, bob):
            window.shows("Log in", "Sign up", "Pay by card", "Ship", "Celebrate")
        expect(ann.page.locator("#standing")).to_contain_text("Live", timeout=SOON)
        ann.rename("Pay by card", "Pay in cash")
        bob.shows("Log in", "Sign up", "Pay in cash", "Ship", "Celebrate")
        expect(bob.page.locator(f"[data-process='{killed}']")).to_have_count(0, timeout=SOON)
        assert ann.worker() != killed
        if FOR_DOCS:
            for window in (ann, bob):
                expect(window.page.locator("#processes li")).to_have_count(2, timeout=SOON)
            picture(browser, "workers.png", tmp_path, ann, bob)
        team.close()


# --- pictures -------------------------------------------------------------------------------------


def test_two_windows_make_a_picture(browser: Browser, workers: Workers, tmp_path: Path) -> None:
    team = Team(browser, workers, "sprint-42", apart=True)
    ann, bob = team.ann, team.bob
    bob.assign("Sign up", "bob")
    bob.move("Sign up", "doing")
    ann.shows("Sign up", within="doing")
    ann.assign("Pay", "ann")
    bob.card("Celebrate").locator(".vote").click()
    expect(ann.card("Celebrate").locator(".vote")).to_have_text("1", timeout=SOON)
    ann.hold()
    bob.move("Ship", "doing")
    bob.rename("Log in", "Log in with a passkey")
    bob.shows("Log in with a passkey", "Pay", "Celebrate", within="todo")
    ann.move("Pay", "doing")
    expect(ann.card("Pay").locator(".note")).to_be_visible(timeout=SOON)
    ann.rename("Log in", "Log in with a password")
    expect(ann.page.locator(".clash")).to_be_visible(timeout=SOON)
    bob.shows("Sign up", "Pay", "Ship", within="doing")
    merged = bob.page.locator("#activity .outcome.merged")
    expect(merged.first).to_be_visible(timeout=SOON)
    path = picture(browser, PICTURE, tmp_path, ann, bob)
    team.close()
    assert path.read_bytes().startswith(b"\x89PNG")
