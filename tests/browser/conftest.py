"""The browser, the daemon and the page of a journey."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.guards import WATCH_POLICY, Guard
from tests.browser.site import ROOT, Site
from tests.tmux_server import private_tmux

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
    "--disable-default-apps",
    "--mute-audio",
    "--force-color-profile=srgb",
]
LIMIT_MS = 20_000
"""How long an expectation waits; a loaded machine is slow, a missing thing never comes."""

PHONE: ViewportSize = {"width": 390, "height": 844}
LAPTOP: ViewportSize = {"width": 1440, "height": 900}
SCREENSHOTS = ROOT / "screenshots"


def find_chromium() -> str:
    """The browser's path. Skips, with what to install, where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("browser tests need Chromium: install it (apt-get install chromium) or name it in $CHROMIUM")
    return found


expect.set_options(timeout=LIMIT_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all journeys; each gets a profile of its own."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A HOME and a private tmux; the daemon is not started yet."""
    with private_tmux() as tmux, tempfile.TemporaryDirectory(prefix="ctmb", dir="/tmp") as home:
        made = Site(Path(home), tmux)
        with made.at_end:
            yield made
        made.stop()


OpenPage = Callable[..., tuple[Page, Guard]]


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[OpenPage]:
    """Opens guarded pages: `open_page(path, phone=…, dark=…, login=…, before=…)`. What went wrong fails the test."""
    opened: list[tuple[Page, Guard]] = []

    def open_one(
        path: str = "/", *, phone: bool = False, dark: bool = False, login: bool = True, before: str = ""
    ) -> tuple[Page, Guard]:
        context = browser.new_context(
            viewport=PHONE if phone else LAPTOP,
            has_touch=phone,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            base_url=site.url,
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(LIMIT_MS)
        context.add_init_script(WATCH_POLICY + before)
        if login and site.token:
            context.add_init_script(f"localStorage.setItem('ctm.token', {site.token!r})")
        page = context.new_page()
        guard = Guard(page, site.url)
        opened.append((page, guard))
        page.goto(path)
        return page, guard

    yield open_one
    for page, _ in opened:
        page.context.close()
    for _, guard in opened:
        guard.check()
