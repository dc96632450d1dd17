"""Browser windows for tests of the web example, and pictures of them for the docs."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.support.left_out import NO_BROWSER

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",  # CI is root, which Chromium's sandbox does not take
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SOON = 60_000
"""Milliseconds in which something has to come about."""
FOR_DOCS = os.environ.get("COMITY_PICTURES") == "1"
"""Whether pictures are taken for the docs."""
BROWSES = [
    pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER),
    pytest.mark.timeout(600),  # a browser on a busy machine takes its time to start
]
"""The marks of a module with browser tests."""


@contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=60_000)
        yield browser
        browser.close()


class BrowserWindow:
    """One person's window, with storage of its own. It notes what goes wrong in its scripts."""

    def __init__(self, browser: Browser, url: str, *, width: int = 1000, height: int = 800) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        self.context.set_default_timeout(SOON)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda told: self._heard(told.text))
        self.page.goto(url)

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "Uncaught" in text:
            self.wrong.append(text)

    def worker(self) -> int:
        """The process that keeps this window up to date, as its foot says."""
        mine = self.page.locator("#processes .mine")
        return int(mine.get_attribute("data-process", timeout=SOON) or "")

    def close(self) -> None:
        self.context.close()
        assert self.wrong == []


def picture(browser: Browser, name: str, tmp_path: Path, *windows: BrowserWindow) -> Path:
    """Take a picture of windows side by side: for the docs with COMITY_PICTURES=1, else to look."""
    folder = PICTURES if FOR_DOCS else tmp_path
    folder.mkdir(exist_ok=True)
    shots: list[str] = []
    width, height = 24, 0
    for window in windows:
        window.page.mouse.move(0, 0)
        window.page.evaluate("document.activeElement.blur()")
        window.page.wait_for_timeout(300)
        shots.append(base64.b64encode(window.page.screenshot()).decode())
        size = window.page.viewport_size or {"width": 0, "height": 0}
        width, height = width + size["width"] + 24, max(height, size["height"])
    images = "".join(f'<img src="data:image/png;base64,{shot}">' for shot in shots)
    page = browser.new_page(viewport={"width": width, "height": height + 48})
    try:
        page.set_content(
            "<style>body{margin:0;padding:24px;display:flex;gap:24px;background:#8d97a3}"
            "img{border-radius:12px;box-shadow:0 8px 30px rgb(0 0 0/.3)}</style>" + images
        )
        page.screenshot(path=folder / name)
    finally:
        page.close()
    return folder / name
