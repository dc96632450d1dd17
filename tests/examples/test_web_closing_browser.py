"""Two people close a sprint in real browser windows; a worker is killed, and a third goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.board.domain import AddCard
from examples.sprint.domain import sprint
from playwright.sync_api import Browser, Locator, expect
from tests.support.browsing import BROWSES, FOR_DOCS, SOON, BrowserWindow, chromium, picture
from tests.support.web import several

from comity.actors import Domain

BOARD = "sprint-42"
CARDS = ("Log in", "Sign up", "Pay", "Ship")

pytestmark = BROWSES


class Guided(BrowserWindow):
    """One person's window on the closing of the sprint."""

    def __init__(self, browser: Browser, origin: str, who: str) -> None:
        super().__init__(browser, f"{origin}/closing?board={BOARD}&me={who}")

    def says(self, next_step: str) -> None:
        expect(self.page.locator("#next")).to_contain_text(next_step, timeout=SOON)

    def open(self, step: str) -> None:
        self.page.get_by_role("button", name=step).click()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def card(self, title: str) -> Locator:
        return self.page.locator(".card-row", has_text=title)

    def decide(self, title: str, fate: str) -> None:
        button = self.card(title).locator("[data-fate]", has_text=fate)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true", timeout=SOON)

    def reason(self, within: str) -> Locator:
        return self.page.locator(f"{within} .why")

    def name_reviewer(self, name: str) -> None:
        self.page.locator("#reviewer").fill(name)
        self.page.locator("#reviewer").press("Enter")
        told = self.page.locator('[data-step="reviewer"] .told')
        expect(told).to_contain_text(f"{name}, named by", timeout=SOON)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def a_board(path: Path) -> None:
    with Domain.open(path, deciders=[sprint]) as domain:
        board = domain.session("somebody").aggregate(sprint, BOARD)
        for number, title in enumerate(CARDS, 1):
            board.do(AddCard(card=f"c{number}", number=number, title=title))


def test_a_sprint_is_closed_by_three_people_though_a_worker_is_killed(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "team.db"
    a_board(path)
    with several(path) as workers:
        origin = workers.origin
        ann, bob = Guided(browser, origin, "ann"), Guided(browser, origin, "bob")
        two_decide_at_once(ann, bob)
        two_name_a_reviewer_at_once(ann, bob, browser, tmp_path)
        workers.kill(ann.worker())
        eve = Guided(browser, origin, "eve")
        for window in (ann, bob, eve):
            window.says("Next: freeze the board.")
        one_freezes_what_the_other_still_decides(ann, bob, browser, tmp_path)
        the_reviewer_publishes_while_the_chat_is_down(ann, eve, browser, tmp_path)
        the_board_is_frozen_and_the_next_one_has_the_cards(ann)
        for window in (ann, bob, eve):
            window.close()


def two_decide_at_once(ann: Guided, bob: Guided) -> None:
    ann.button("Begin to close the sprint").click()
    bob.says("Next: decide about 4 open cards.")
    ann.decide("Log in", "Done")
    bob.decide("Sign up", "Carry over")
    ann.decide("Pay", "Drop")
    bob.says("Next: decide about 1 open card.")
    freeze = ann.page.locator('[data-step="freeze"] .told')
    expect(freeze).to_have_text("decide what becomes of #4 first", timeout=SOON)


def two_name_a_reviewer_at_once(ann: Guided, bob: Guided, browser: Browser, folder: Path) -> None:
    for window in (ann, bob):
        window.open("Name a reviewer")
    ann.page.locator("#reviewer").fill("eve")
    bob.name_reviewer("dan")
    reason = ann.reason('[data-step="reviewer"]')
    expect(reason).to_contain_text("reviewer named by bob at reviewer (version 9)", timeout=SOON)
    name = ann.button("Name this person")
    expect(name).to_have_attribute("aria-disabled", "true")
    take(browser, "guided-task.png", folder, ann, bob)
    ann.button("I have seen that").click()
    expect(name).to_have_attribute("aria-disabled", "false", timeout=SOON)
    ann.name_reviewer("eve")
    bob.decide("Ship", "Carry over")
    bob.says("Next: freeze the board.")


def one_freezes_what_the_other_still_decides(
    ann: Guided, bob: Guided, browser: Browser, folder: Path
) -> None:
    ann.page.get_by_role("switch", name="Hold my screen").click()
    ann.open("Decide what becomes of each open card")
    bob.button("Freeze it now").click()
    bob.says("Next: eve reads the summary, and publishes it.")
    why = ann.card("Log in").locator(".why")
    expect(why).to_contain_text("card moved by bob", timeout=SOON)
    why.get_by_role("button", name="I have seen that").click()
    expect(why).to_contain_text("the board is frozen: bob froze it", timeout=SOON)
    take(browser, "guided-task-frozen.png", folder, ann, bob)
    expect(bob.button("Publish it")).to_have_attribute("aria-disabled", "true")
    expect(bob.reason('[data-step="publish"]')).to_contain_text("eve reviews the summary")
    ann.page.get_by_role("switch", name="Hold my screen").click()


def the_reviewer_publishes_while_the_chat_is_down(
    ann: Guided, eve: Guided, browser: Browser, folder: Path
) -> None:
    ann.button("Down").click()
    expect(eve.button("Down")).to_have_attribute("aria-pressed", "true", timeout=SOON)
    eve.page.locator("#text").fill("We are done with sprint-42.")
    eve.button("Publish it").click()
    ann.says("This sprint is closed.")
    for window in (ann, eve):
        expect(window.page.locator("#outlet")).to_contain_text("1 room", timeout=SOON)
    take(browser, "guided-task-at-work.png", folder, ann, eve)
    ann.button("Up").click()
    expect(eve.page.locator("#posts li")).to_have_text("We are done with sprint-42.", timeout=SOON)


def the_board_is_frozen_and_the_next_one_has_the_cards(ann: Guided) -> None:
    ann.page.goto(ann.page.url.replace("/closing?", "/?"))
    expect(ann.page.locator("#frozen")).to_contain_text("bob froze it", timeout=SOON)
    ann.page.goto(ann.page.url.replace(BOARD, "sprint-43"))
    titles = ann.page.locator(".card .title")
    expect(titles).to_have_text(["Sign up", "Ship"], timeout=SOON)


def take(browser: Browser, name: str, folder: Path, *windows: Guided) -> None:
    """Take a picture for the docs. Other runs do without, since each takes a second."""
    if FOR_DOCS:
        for window in windows:
            expect(window.page.locator("#processes li")).to_have_count(2, timeout=SOON)
        picture(browser, name, folder, *windows)
